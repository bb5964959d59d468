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

/** Makes a certificate for a host that is its own CA, for a time of its own. */
export function makeDatedCertificate(host: string, from: Date, to: Date): { key: string; cert: string } {
  const folder = mkdtempSync(join(tmpdir(), 'carnet-dated-'))
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })
  const time = (date: Date) => `${date.toISOString().replaceAll(/[-:T]|\.\d+/g, '')}`
  writeFileSync(join(folder, 'index'), '')
  const config = `[ca]
default_ca = own
[own]
database = ${folder}/index
new_certs_dir = ${folder}
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = names
[any]
commonName = supplied
[names]
subjectAltName = DNS:${host}
basicConstraints = CA:TRUE
`
  writeFileSync(join(folder, 'ca.cnf'), config)
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', ...curve, '-keyout', 'key.pem', '-out', 'request.pem', '-subj', `/CN=${host}`)
  const dates = ['-startdate', time(from), '-enddate', time(to)]
  const files = ['-keyfile', 'key.pem', '-in', 'request.pem', '-out', 'cert.pem']
  openssl('ca', '-batch', '-selfsign', '-notext', '-config', 'ca.cnf', ...dates, ...files)
  const read = (name: string) => readFileSync(join(folder, name), 'utf8')
  const made = { key: read('key.pem'), cert: read('cert.pem') }
  rmSync(folder, { recursive: true })
  return made
}
