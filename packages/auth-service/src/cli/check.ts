import { dirname } from 'node:path'
import { loadManifest, ManifestError } from '@carnet/protocol'
import { Command } from 'commander'
import { readLogo } from '../logo.ts'

/** `carnet check [FILE]` */
export function check(): Command {
  return new Command('check')
    .description('check a manifest: every fault at once, each with file:line:column; exit 1 if there is one')
    .argument('[file]', 'the manifest', process.env['CARNET_MANIFEST'] || 'deploy/sites.yaml')
    .action((file: string) => {
      try {
        const { sites, brand } = loadManifest(file)
        for (const { logo } of [brand, ...sites.map(site => site.brand)]) checkLogo(file, logo ?? null)
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

function checkLogo(file: string, logo: string | null): void {
  if (logo === null || logo.startsWith('data:')) return
  try {
    readLogo(dirname(file), logo)
  } catch (error) {
    throw new Error(`${file}: the logo ${logo} cannot be read: ${(error as Error).message}`)
  }
}
