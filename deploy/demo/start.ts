import { parseArgs } from 'node:util'
import { stopOnSignal } from '@carnet/auth-service'
import { printWalk, walk } from './check.ts'
import { ADA, startDemo } from './demo.ts'

const values = readOptions()
const port = Number(values.port)
if (values.help || !Number.isInteger(port) || port < 1 || port > 65_532) {
  console.log(
    'pnpm demo [--port BASE] [--check]\n\n  --port   the first of four ports in a row (default: 4000)\n  --check  walk sign-in, every site and sign-out, then end',
  )
  process.exit(values.help ? 0 : 1)
}

const storeUrl = process.env['CARNET_REDIS_URL'] || null
const demo = await startDemo({ port, passwordCost: 10, ...(storeUrl !== null && { store: storeUrl }) }).catch(
  (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error
    console.error(`A port from ${port} to ${port + 3} is taken. Choose others: pnpm demo --port 5000`)
    process.exit(1)
  },
)

if (values.check) {
  console.log(
    `Carnet demo on ${storeUrl === null ? 'the embedded store' : 'Redis'}: walking sign-in, every site, sign-out\n`,
  )
  const good = printWalk(await walk(demo.manifest))
  await demo.close()
  process.exit(good ? 0 : 1)
}

console.log(`
Carnet demo, sessions in ${storeUrl === null ? 'the embedded store' : 'Redis'}

  auth service   ${demo.manifest.auth}
${demo.manifest.sites.map(({ id, origin, fanOut }) => `  ${id.padEnd(14)} ${origin}   (${fanOut})`).join('\n')}

  user           ${ADA.email}
  password       ${ADA.password}
  mails          ${demo.manifest.auth}/dev/mail

Open a site, sign in, then open the others. Ctrl-C stops.
`)
stopOnSignal(demo.close)

function readOptions() {
  const options = {
    port: { type: 'string', default: '4000' },
    check: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  } as const
  try {
    return parseArgs({ args: process.argv.slice(2).filter(argument => argument !== '--'), options }).values
  } catch (error) {
    console.error((error as Error).message)
    process.exit(1)
  }
}
