import { type Brand, cookieNames, findSite, languageFor, type Manifest, soleCookie } from '@carnet/protocol'
import { isLanguage, LANGUAGES } from '../../texts/languages.ts'
import type { Ctx, Desk, Step } from '../context.ts'

/** Finds out how to speak to who asks: the language, and the look of the site that the person comes from. Never throws. */
export function manner(desk: Desk): Step {
  return async function manner(ctx, next) {
    const manifest = desk.manifest.current
    const chosen = soleCookie(ctx.headers.cookie, cookieNames(manifest.auth).language)
    const language = isLanguage(chosen) ? chosen : languageFor(ctx.headers['accept-language'])
    ctx.state.language = language
    ctx.state.texts = LANGUAGES[language]
    ctx.state.base = new URL(manifest.auth).pathname.replace(/\/$/, '')
    ctx.state.brand = brandFor(desk, manifest, siteIn(ctx))
    ctx.set('Content-Language', language)
    ctx.vary('Accept-Language')
    await next()
  }
}

/** The site that the query names; empty where there is none, or the request's target is no address at all. */
function siteIn(ctx: Ctx): string {
  try {
    const { site } = ctx.query
    return typeof site === 'string' ? site : ''
  } catch {
    return ''
  }
}

function brandFor(desk: Desk, manifest: Manifest, siteId: string): Brand {
  const brand = { ...manifest.brand, ...findSite(manifest, siteId)?.brand }
  const { logo } = brand
  return { ...brand, logo: logo === null || logo.startsWith('data:') ? logo : desk.logo(logo) }
}
