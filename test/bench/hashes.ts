// The hash of a sign-in and nothing else, in as many workers, as a process of its own: node hashes.ts PASSWORD. At
// 'begin' it does a batch, and sends how many a second those were.
import { Passwords } from '../../packages/auth-service/src/accounts/passwords.ts'
import { BATCH, saturate } from './saturate.ts'

const [password = ''] = process.argv.slice(2)
const passwords = new Passwords(() => 12)
const hash = await passwords.hash(password)

process.on('message', async () => {
  const perSecond = await saturate(async () => {
    if (!(await passwords.verify(password, hash))) throw new Error('The password was refused.')
  }, BATCH)
  process.send?.({ perSecond })
})
process.send?.('ready')
