import { authOrigin, type Manifest, originsOf, returnTarget, type Site } from '@carnet/protocol'

// Beside a `site`, these paths are still the service's own; any other path is the site's.
const OWN_PATHS = /^\/(authorize|account)([/?]|$)/

/**
 * Where a sign-in goes on to: an absolute URL of a manifest site or of the service itself. What is not allowed falls
 * back to the home of the site asked for, or to `home`. A site is entered through its agent, so that it gets
 * its cookie also where no pixel could leave one.
 */
export function nextUrl(
  { manifest, home }: { manifest: Manifest; home: string },
  site: Site | null,
  returnTo: string | undefined,
): string {
  const own = authOrigin(manifest)
  const path = new URL(manifest.auth).pathname.replace(/\/$/, '')
  const isOwn = OWN_PATHS.test((returnTo ?? '').slice(path.length)) && (returnTo ?? '').startsWith(path)
  const allowed = [own, ...manifest.sites.flatMap(originsOf)]
  const target = returnTarget(returnTo, site === null || isOwn ? own : site.origin, allowed)
  if (target === null) return site === null ? home : throughAgent(site.origin, '/')
  if (target.origin !== own) {
    return throughAgent(target.origin, target.pathname + target.search + target.hash)
  }
  // These pages send on who is signed in: to themselves, that would be for ever.
  const here = target.pathname.startsWith(path) ? target.pathname.slice(path.length) : ''
  return /^\/sign(in|up|out)([/?]|$)/.test(here) ? home : target.href
}

function throughAgent(origin: string, path: string): string {
  return `${origin}/api/signin?${new URLSearchParams({ return_to: path })}`
}
