import { writeFileSync } from 'node:fs'
import { siteSecrets } from '@carnet/protocol'
import { loadConfig } from '../config.ts'

/** A site's secrets, newest first. Throws `ConfigError` where the service's are not known here. `file` is the manifest. */
export function secretsOf(id: string, file: string): string {
  const { secrets } = loadConfig({ ...process.env, CARNET_MANIFEST: file }, { serving: false })
  return siteSecrets(secrets, id).join(',')
}

/** Keeps them in a new file that its owner alone may read, as a line of an environment. Never over another file. */
export function keepSecret(file: string, secrets: string): void {
  try {
    writeFileSync(file, `CARNET_SITE_SECRETS=${secrets}\n`, { flag: 'wx', mode: 0o600 })
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const reason = code === 'EEXIST' ? 'it is there already; name another, or remove it' : String(code)
    throw new Error(`${file} cannot be written: ${reason}.`, { cause })
  }
}
