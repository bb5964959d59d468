import { type Manifest, originsOf, returnTarget, type Site } from '@carnet/protocol'

// Beside a `site`, these paths are still the service's own; any other path is the site's.
const OWN_PATHS = /^\/(authorize|account)([/?]|$)/

/**
 * Where a sign-in goes on to: an absolute URL of a manifest site or of the service itself. What is not allowed falls
 * back to the home of the site asked for, or the service's own. A site is entered through its agent, so that it gets
 * its cookie also where no pixel could leave one.
 */
export function nextUrl(manifest: Manifest, site: Site | null, returnTo: string | undefined): string {
  const base = site === null || OWN_PATHS.test(returnTo ?? '') ? manifest.auth : site.origin
  const allowed = [manifest.auth, ...manifest.sites.flatMap(originsOf)]
  const target = returnTarget(returnTo, base, allowed)
  if (target === null) return site === null ? `${manifest.auth}/` : throughAgent(site.origin, '/')
  if (target.origin !== manifest.auth) {
    return throughAgent(target.origin, target.pathname + target.search + target.hash)
  }
  // The sign-in page sends on who is signed in: to itself, that would be for ever.
  return target.pathname.startsWith('/signin') ? `${manifest.auth}/` : target.href
}

function throughAgent(origin: string, path: string): string {
  return `${origin}/api/signin?${new URLSearchParams({ return_to: path })}`
}
