import { readFileSync } from 'node:fs'
import { loadManifest } from '@carnet/protocol'
import { Command, Option } from 'commander'
import { loadConfig } from '../config.ts'
import { type DeployFile, planOf } from '../deploy/plan.ts'
import { aclFile } from '../deploy/redis-acl.ts'
import { PLAIN_TARGETS, type PlainTarget, render } from '../deploy/render.ts'
import { writeFiles } from '../deploy/write-files.ts'

type Target = PlainTarget | 'redis-acl'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

/** `carnet deploy render` */
export function deploy(): Command {
  const command = new Command('deploy').description('files to run the domains of the manifest with')

  command
    .command('render')
    .description('make the files for one way to run Carnet; without --out they are printed')
    .addOption(
      new Option('--target <target>', 'what to run it with')
        .choices([...PLAIN_TARGETS, 'redis-acl'])
        .makeOptionMandatory(),
    )
    .option('--out <dir>', 'write them into a folder: a new or empty one, or one that was written before')
    .option('--force', 'overwrite what is there')
    .addOption(
      new Option('-f, --manifest <file>', 'the manifest').default(
        process.env['CARNET_MANIFEST'] || 'deploy/sites.yaml',
      ),
    )
    .addHelpText(
      'after',
      `
No file holds a secret: they name environment files and Secrets that you make. redis-acl, which holds hashes, needs
CARNET_SECRETS. A file that was changed after it was made is not written again.`,
    )
    .action(
      ({
        target,
        out,
        force = false,
        manifest,
      }: {
        target: Target
        out?: string
        force?: boolean
        manifest: string
      }) => {
        const files = filesOf(target, manifest)
        if (out === undefined) return print(files)
        writeFiles(out, files, force)
        for (const { path } of files) console.log(`${out}/${path}`)
      },
    )

  return command
}

function filesOf(target: Target, file: string): DeployFile[] {
  if (target !== 'redis-acl') {
    return render(target, planOf(loadManifest(file), readFileSync(file, 'utf8'), version))
  }
  const { manifest, secrets } = loadConfig({ ...process.env, CARNET_MANIFEST: file }, { serving: false })
  return [{ path: 'users.acl', text: aclFile(manifest, secrets) }]
}

function print(files: readonly DeployFile[]): void {
  for (const { path, text } of files) {
    // Redis takes no comment there.
    if (path !== 'users.acl') console.log(`# ==> ${path} <==`)
    process.stdout.write(text)
  }
}
