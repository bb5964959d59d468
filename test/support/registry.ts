import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { listening, shut } from './listening.ts'

/** A registry that has one scope, of packed packages. */
export interface Registry {
  /** Has npm ask it for that scope: the environment to run npm with. */
  readonly env: Readonly<Record<string, string>>
  stop(): Promise<void>
}

interface Packed {
  readonly manifest: { readonly name: string; readonly version: string }
  readonly tarball: Buffer
}

/** Serves the tarballs of a folder to npm, for the scope `@carnet`. All else npm gets where it always does. `npmrc` is a file to write. */
export async function startRegistry(folder: string, npmrc: string): Promise<Registry> {
  const packages = new Map<string, Packed>()
  for (const file of readdirSync(folder)) {
    const tarball = readFileSync(join(folder, file))
    const manifest = manifestIn(gunzipSync(tarball))
    packages.set(`/${manifest.name}`, { manifest, tarball })
  }
  const server = createServer((req, res) => {
    const [name = '', tarball] = decodeURIComponent(req.url ?? '').split('/-/')
    const found = packages.get(name)
    if (found === undefined) res.writeHead(404).end()
    else if (tarball !== undefined) res.end(found.tarball)
    else res.end(JSON.stringify(packument(found, `http://${req.headers.host}${name}/-/package.tgz`)))
  })
  const origin = `http://127.0.0.1:${await listening(server)}`
  writeFileSync(npmrc, `${userConfig()}\n@carnet:registry=${origin}/\n`)
  return { env: { npm_config_userconfig: npmrc }, stop: () => shut(server) }
}

function packument({ manifest, tarball }: Packed, url: string): object {
  const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`
  const version = { ...manifest, dist: { tarball: url, integrity } }
  return {
    name: manifest.name,
    'dist-tags': { latest: manifest.version },
    versions: { [manifest.version]: version },
  }
}

/** What the user's own file says stays: it may name the registry of all the others. */
function userConfig(): string {
  try {
    return readFileSync(process.env['npm_config_userconfig'] ?? join(homedir(), '.npmrc'), 'utf8')
  } catch {
    return ''
  }
}

/** The `package.json` of a package: blocks of 512 bytes, each file's after a head with its name and size (POSIX ustar). */
function manifestIn(tar: Buffer): Packed['manifest'] {
  for (let at = 0; at < tar.length; ) {
    const name = tar.toString('latin1', at, at + 100).replace(/\0.*$/s, '')
    const size = Number.parseInt(tar.toString('latin1', at + 124, at + 136), 8) || 0
    if (name === 'package/package.json') return JSON.parse(tar.toString('utf8', at + 512, at + 512 + size))
    at += 512 + Math.ceil(size / 512) * 512
  }
  throw new Error('The tarball has no package.json.')
}
