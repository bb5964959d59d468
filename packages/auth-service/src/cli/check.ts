import { loadManifest, ManifestError } from '@carnet/protocol'
import { Command } from 'commander'

/** `carnet check [FILE]` */
export function check(): Command {
  return new Command('check')
    .description('check a manifest: every fault at once, each with file:line:column; exit 1 if there is one')
    .argument('[file]', 'the manifest', process.env['CARNET_MANIFEST'] || 'deploy/sites.yaml')
    .action((file: string) => {
      try {
        const { sites } = loadManifest(file)
        console.log(`${file} is in order: ${sites.map(({ id }) => id).join(', ')}`)
      } catch (error) {
        if (!(error instanceof ManifestError)) throw error
        console.error(error.message)
        const { length } = error.faults
        console.error(`${length} fault${length === 1 ? '' : 's'}`)
        process.exitCode = 1
      }
    })
}
