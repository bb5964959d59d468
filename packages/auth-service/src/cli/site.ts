import { findSite, loadManifest, siteSecrets } from '@carnet/protocol'
import { Command } from 'commander'
import { loadConfig } from '../config.ts'
import { noteShown } from './accounts.ts'
import { changeSites } from './site-change.ts'

/** `carnet site list|secret|add|remove|rename` */
export function site(): Command {
  const command = new Command('site').description('the sites of the manifest')

  command
    .command('list')
    .description('list the sites')
    .option('--json', 'as JSON')
    .action(({ json }: { json?: boolean }) => {
      const { sites } = loadManifest(process.env['CARNET_MANIFEST'] || 'deploy/sites.yaml')
      if (json) return console.log(JSON.stringify(sites, null, 2))
      for (const { id, origin, fanOut } of sites)
        console.log(`${id.padEnd(16)} ${fanOut.padEnd(5)} ${origin}`)
    })

  command
    .command('secret')
    .description("print a site's secrets for CARNET_SITE_SECRETS, newest first")
    .argument('<id>', 'the id of the site')
    .action(async (id: string) => {
      const { manifest, secrets } = loadConfig(process.env, { serving: false })
      if (findSite(manifest, id) === null) {
        throw new Error(
          `There is no site "${id}". There are: ${manifest.sites.map(site => site.id).join(', ')}.`,
        )
      }
      console.log(siteSecrets(secrets, id).join(','))
      await noteShown('site_secret_shown', id)
    })

  changeSites(command)
  return command
}
