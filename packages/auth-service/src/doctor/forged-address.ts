import {
  FORGED_ADDRESS,
  isLocalAddress,
  normalizeAddress,
  parseTrustProxy,
  type TrustProxy,
} from '@carnet/protocol'
import type { Config } from '../config.ts'
import { about, type Finding } from './finding.ts'
import type { SiteOrigin } from './sites.ts'

/** The header that the doctor sends. */
export const FORGED: Readonly<Record<string, string>> = { 'x-forwarded-for': FORGED_ADDRESS }

/** Whether the service took the forged address for the client's, by the network that it noted; `from` is this machine's address. */
export function judgeService(
  network: string | null,
  from: string,
  { trustProxy, manifest }: Config,
): Finding[] {
  const proxy = about('proxy')
  const trust = parseTrustProxy(trustProxy)
  const here = normalizeAddress(from)
  if (network === null || network !== FORGED_ADDRESS.replace(/\d+$/, '*')) {
    if (isOfProxies(network ?? '', here, trust)) {
      return [
        proxy.warning(
          `${manifest.auth} takes visitors to be at one of its proxies (${network}), all at the same place: let each proxy add whom it hears to X-Forwarded-For.`,
        ),
      ]
    }
    return [proxy.ok(`${manifest.auth} does not believe a forged X-Forwarded-For`)]
  }
  if (here !== '' && trust(here)) {
    return [
      proxy.warning(
        `${manifest.auth} believes X-Forwarded-For from here, since CARNET_TRUST_PROXY names this machine (${here}): name no more than your proxies, and run the doctor on another machine to see whether strangers are believed.`,
      ),
    ]
  }
  return [
    proxy.fault(
      `${manifest.auth} believes a forged X-Forwarded-For, so that anybody can seem to be anywhere: name no more than your proxies in CARNET_TRUST_PROXY, and let the outermost one overwrite the header.`,
    ),
  ]
}

/** Whether a site's agent did. */
export function judgeAgent(
  { site: { id }, origin }: SiteOrigin,
  { believedForged, from }: { readonly believedForged: boolean; readonly from: string },
): Finding[] {
  const { warning, fault } = about('proxy')
  if (!believedForged) return []
  const says = `${id}: the agent at ${origin} believes a forged X-Forwarded-For: name no more than your proxies in its CARNET_TRUST_PROXY, and let the outermost one overwrite the header.`
  // It may well trust this very machine, which cannot be seen from here.
  return isLocalAddress(normalizeAddress(from))
    ? [warning(`${says} (Unless it is right to trust this machine: then run the doctor on another one.)`)]
    : [fault(says)]
}

/** Whether a network that was noted, `192.0.2.*`, has proxies in it and not this machine. */
function isOfProxies(network: string, here: string, trust: TrustProxy): boolean {
  const start = network.replace('*', '')
  if (!/^(\d+\.){3}$/.test(start) || here.startsWith(start)) return false
  return Array.from({ length: 256 }, (_, last) => `${start}${last}`).some(trust)
}
