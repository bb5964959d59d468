import { isIP } from 'node:net'
import { checkServerIdentity, connect, type PeerCertificate } from 'node:tls'
import { authOrigin, isLocalhost, type Manifest, originsOf } from '@carnet/protocol'
import type { Config } from '../config.ts'
import { about, type Finding, span } from './finding.ts'
import { inParallel } from './in-parallel.ts'
import { REACH } from './web-client.ts'

const WITHIN_MS = 5_000
const SOON_MS = 14 * 86_400_000
// Certificates that live for days are renewed late.
const SOON_OF_LIFE = 1 / 4

interface Shown {
  readonly certificate: PeerCertificate
  /** Why it is not to be believed, as Node's code; null where it is. */
  readonly distrust: string | null
}

/** Whether each origin shows a certificate of its own that is valid, and goes on to be. */
export async function examineTls({ manifest }: Pick<Config, 'manifest'>): Promise<Finding[]> {
  return (await inParallel(allOrigins(manifest), examineOrigin)).flat()
}

function allOrigins(manifest: Manifest): string[] {
  return [...new Set([authOrigin(manifest), ...manifest.sites.flatMap(originsOf)])]
}

async function examineOrigin(origin: string): Promise<Finding[]> {
  const { ok, warning, fault } = about('tls')
  const { hostname, protocol } = new URL(origin)
  if (protocol === 'http:') {
    if (isLocalhost(hostname)) return [ok(`${origin} needs none: it is this machine`)]
    return [fault(`${origin} is sent in the clear: put TLS in front of it, and write https in the manifest.`)]
  }
  const shown = await certificateOf(origin)
  // That nobody answers is told elsewhere.
  if (shown === null) return []
  const { certificate, distrust } = shown
  const [from, to] = [Date.parse(certificate.valid_from), Date.parse(certificate.valid_to)]
  const now = Date.now()
  const renew = 'renew it, and have the server load it'
  if (to < now) return [fault(`the certificate of ${origin} has ended ${span(now - to)} ago: ${renew}.`)]
  if (from > now) return [fault(`the certificate of ${origin} is not valid yet: see to the clocks.`)]
  if (checkServerIdentity(hostname, certificate) !== undefined) {
    const names = certificate.subjectaltname ?? 'nobody'
    return [fault(`the certificate of ${origin} is for others (${names}): give it one for ${hostname}.`)]
  }
  if (distrust !== null) {
    return [
      fault(
        `the certificate of ${origin} is from nobody known here (${distrust}): use one that browsers trust, with the whole chain; a CA of your own is named by NODE_EXTRA_CA_CERTS.`,
      ),
    ]
  }
  const left = span(to - now)
  if (to - now < Math.min(SOON_MS, (to - from) * SOON_OF_LIFE)) {
    return [warning(`the certificate of ${origin} ends in ${left}: ${renew}.`)]
  }
  return [ok(`the certificate of ${origin} is valid for ${left} more`)]
}

/** The certificate that is shown at an origin, however bad; null where none is. */
function certificateOf(origin: string): Promise<Shown | null> {
  const { hostname, port } = new URL(origin)
  const host = hostname.replace(/^\[|\]$/g, '')
  return new Promise(resolve => {
    const socket = connect({
      host,
      port: Number(port || 443),
      ...REACH,
      // Nothing is sent but the greeting.
      rejectUnauthorized: false,
      ...(isIP(host) === 0 && { servername: host }),
    })
    const end = (shown: Shown | null) => {
      socket.destroy()
      resolve(shown)
    }
    socket.setTimeout(WITHIN_MS, () => end(null))
    socket.on('error', () => end(null))
    socket.on('close', () => end(null))
    socket.on('secureConnect', () => {
      const certificate = socket.getPeerCertificate()
      const { authorized, authorizationError: reason } = socket
      end({ certificate, distrust: authorized ? null : String(reason) })
    })
  })
}
