import { type DemoOptions, PARTS, type Part } from '@carnet/demo'
import { type Certificate, makeCertificate } from './certificate.ts'
import { startWorld, type World } from './world.ts'

/** The parts as people find them: domains that have nothing in common. */
export const HOST: Record<Part, string> = {
  auth: 'login.test',
  shop: 'shop.test',
  news: 'gazette.test',
  games: 'arcade.test',
}

/** A domain that is none of them. */
export const EVIL_HOST = 'evil.test'

/** The certificate of them all. */
export const certificate: Certificate = makeCertificate([...PARTS.map(part => HOST[part]), EVIL_HOST])

/** Starts a world over HTTPS on unrelated domains. */
export function startDomains(options: DemoOptions = {}): Promise<World> {
  return startWorld({
    tls: certificate,
    origin: (part, port) => `https://${HOST[part]}:${port}`,
    ...options,
  })
}
