import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A certificate for some hosts from a throwaway CA, and how browsers may know its key. */
export interface Certificate {
  readonly key: string
  readonly cert: string
  /** The certificate of the CA. */
  readonly ca: string
  /** Base64 of the SHA-256 of the leaf's public key. */
  readonly spki: string
}

/** Makes a CA and a leaf for the given hosts; both are gone with the folder they were made in. */
export function makeCertificate(hosts: readonly string[]): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'carnet-ca-'))
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] })
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl(
    'req',
    '-x509',
    ...curve,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '2',
    '-subj',
    '/CN=Throwaway CA',
  )
  openssl('req', ...curve, '-keyout', 'leaf.key', '-out', 'leaf.csr', '-subj', `/CN=${hosts[0]}`)
  writeFileSync(join(folder, 'san'), `subjectAltName=${hosts.map(host => `DNS:${host}`).join(',')}\n`)
  openssl(
    'x509',
    '-req',
    '-in',
    'leaf.csr',
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-out',
    'leaf.pem',
    '-days',
    '2',
    '-extfile',
    'san',
  )
  openssl('x509', '-in', 'leaf.pem', '-noout', '-pubkey', '-out', 'leaf.pub')
  openssl('pkey', '-pubin', '-in', 'leaf.pub', '-outform', 'der', '-out', 'leaf.der')
  const spki = openssl('dgst', '-sha256', '-binary', 'leaf.der').toString('base64')
  const read = (name: string) => readFileSync(join(folder, name), 'utf8')
  const certificate = {
    key: read('leaf.key'),
    cert: read('leaf.pem') + read('ca.pem'),
    ca: read('ca.pem'),
    spki,
  }
  rmSync(folder, { recursive: true })
  return certificate
}
