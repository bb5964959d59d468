const URLS = [
  'CARNET_REDIS_URL',
  'CARNET_STORE_URL',
  'CARNET_LIMITS_REDIS_URL',
  'CARNET_DATABASE_URL',
  'CARNET_SMTP_URL',
]
const SECRETS = /^CARNET_(SITE_)?SECRETS/

/** Takes what an environment holds of secrets and passwords out of a text, whoever wrote it. */
export function redactor(env: NodeJS.ProcessEnv): (text: string) => string {
  const words = [
    ...Object.keys(env)
      .filter(name => SECRETS.test(name))
      .flatMap(name => (env[name] ?? '').split(',').map(secret => secret.trim())),
    ...URLS.flatMap(name => passwordsIn(env[name] ?? '')),
  ]
  // The longest first, since one may hold another.
  const all = [...new Set(words.flatMap(spellings))]
    .filter(word => word !== '')
    .sort((a, b) => b.length - a.length)
  return text => all.reduce((rest, word) => rest.replaceAll(word, '***'), text)
}

/** The passwords in a URL, also in one that no parser takes: before the last "@", and in what follows "password=". */
function passwordsIn(url: string): string[] {
  const userinfo = url.slice(0, Math.max(0, url.lastIndexOf('@'))).replace(/^[^/]*\/\//, '')
  const colon = userinfo.indexOf(':')
  const named = [...url.matchAll(/password=([^&]+)/g)].map(([, password = '']) => password)
  return colon < 0 ? named : [userinfo.slice(colon + 1), ...named]
}

/** A word as it stands, and as a parser would hand it on. */
function spellings(word: string): string[] {
  try {
    return [word, decodeURIComponent(word), encodeURIComponent(word)]
  } catch {
    return [word]
  }
}
