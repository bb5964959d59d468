// One server under load, as a process of its own: node serve.ts KIND REQUESTS_FILE REDIS_URL [STORE_URL]. It keeps the
// requests in the file, and prints its port with the first and the last of them, which the load leaves out.
import { writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { KINDS } from './servers/kinds.ts'

const [kind = '', file = '', redisUrl = 'memory:', storeUrl] = process.argv.slice(2)
const make = await KINDS[kind]?.()
if (make === undefined)
  throw new TypeError(`There is no server "${kind}". There are: ${Object.keys(KINDS).join(', ')}.`)
const { server, requests } = await make(redisUrl, storeUrl)
const load = requests.slice(1, -1).map(({ path, cookie }) => `${path}\t${cookie}\n`)
writeFileSync(file, load.join(''))
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  console.log(`serves ${JSON.stringify({ port, samples: [requests[0], requests.at(-1)] })}`)
})
