import { readFileSync, rmSync } from 'node:fs'
import { addSite, loadManifest, type NewSite, removeSite, renameSite } from '@carnet/protocol'
import { type Command, Option } from 'commander'
import { replaceFile } from '../replace-file.ts'
import { noteShown } from './accounts.ts'
import { nextSteps, STACKS, type Stack } from './next-steps.ts'
import { keepSecret, secretsOf } from './secret-of.ts'

interface AddOptions {
  manifest: string
  name?: string
  alias?: string[]
  fanOut?: string
  stack: Stack
  printSecret?: boolean
  secretFile?: string
}

const manifestOption = (): Option =>
  new Option('-f, --manifest <file>', 'the manifest').default(
    process.env['CARNET_MANIFEST'] || 'deploy/sites.yaml',
  )

/** Adds `site add|remove|rename` to a command. */
export function changeSites(command: Command): void {
  command
    .command('add')
    .description(
      'enter a site in the manifest, and say what to do next; everything else there stays as it is',
    )
    .argument('<id>', 'its id: 1 to 32 of a-z, 0-9 and -')
    .argument('<origin>', 'its public origin, such as https://shop.example')
    .addOption(manifestOption())
    .option('--name <name>', 'its name, for people')
    .option('--alias <origin...>', 'further origins of the same site')
    .option('--fan-out <how>', 'pull, push or none')
    .addOption(new Option('--stack <stack>', 'what it is made with').choices(STACKS).default('koa'))
    .option('--secret-file <file>', 'keep its secret in a new file, as CARNET_SITE_SECRETS=…, mode 0600')
    .option('--print-secret', 'print its secret')
    .action(add)

  command
    .command('remove')
    .description('take a site out of the manifest: its sessions end there within a second')
    .argument('<id>', 'the id of the site')
    .addOption(manifestOption())
    .action((id: string, { manifest: file }: { manifest: string }) => {
      change(file, text => removeSite(text, file, id))
      console.log(`${id} is out of ${file}. Nobody is signed in there from now on; elsewhere sessions go on.
Should the id come back, so do its secret and what cookies are still alive.
With users in Redis, load what \`carnet redis-acl\` prints now.`)
    })

  command
    .command('rename')
    .description('give a site another id')
    .argument('<id>', 'the id of the site')
    .argument('<new-id>', 'its new id')
    .addOption(manifestOption())
    .action((id: string, to: string, { manifest: file }: { manifest: string }) => {
      change(file, text => renameSite(text, file, id, to))
      console.log(`${id} is ${to} in ${file}. For agents that is another site:
- Its secret is another one: carnet site secret ${to}
- Start its agent anew with site: '${to}' (CARNET_SITE=${to}) and that secret; until then nobody is signed in there.
- Its cookies end. Nobody loses a session: people come back by a bounce, without a password.
- With users in Redis, load what \`carnet redis-acl\` prints now, and put carnet-${to} into its URL.`)
    })
}

async function add(id: string, origin: string, options: AddOptions): Promise<void> {
  const { manifest: file, name, alias, fanOut, stack, printSecret = false, secretFile } = options
  const site: NewSite = { id, origin, name, aliases: alias, fanOut }
  refusePlain(origin)
  const text = readManifest(file)
  const changed = addSite(text, file, site)
  // Before the manifest changes: a command that fails has done nothing.
  const secrets = printSecret || secretFile !== undefined ? secretsOf(id, file) : null
  if (secrets !== null && secretFile !== undefined) keepSecret(secretFile, secrets)
  try {
    replaceFile(file, changed)
  } catch (error) {
    if (secretFile !== undefined) rmSync(secretFile)
    throw error
  }
  console.log(`${id} is in ${file}: ${origin}. Every process that follows the file knows it within a second.`)
  if (secretFile !== undefined) console.log(`Its secret is in ${secretFile}.`)
  if (printSecret) console.log(`CARNET_SITE_SECRETS=${secrets}`)
  console.log(`\n${nextSteps(stack, id, file)}`)
  if (secrets !== null) await noteShown('site_secret_shown', id, { ...process.env, CARNET_MANIFEST: file })
}

/** The manifest itself allows http on localhost where `auth` is there as well. */
function refusePlain(origin: string): void {
  if (process.env['NODE_ENV'] !== 'production' || !origin.startsWith('http:')) return
  throw new Error(`${origin} is no https origin; production needs https everywhere.`)
}

function change(file: string, edit: (text: string) => string): void {
  replaceFile(file, edit(readManifest(file)))
}

function readManifest(file: string): string {
  // For its faults, also where there is no such file.
  loadManifest(file)
  return readFileSync(file, 'utf8')
}
