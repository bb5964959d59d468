import { randomBytes } from 'node:crypto'
import { type CryptoKey, generateKeyPair, jwtVerify, SignJWT } from 'jose'
import Koa from 'koa'
import { sayWhoInKoa } from './say-who.ts'
import { everybody, type Maker, type SignedIn, served } from './served.ts'

interface Keys {
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
}

// A key that is imported once: jose would import raw bytes for each token anew.
async function hmacKeys(): Promise<Keys> {
  const hmac = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', randomBytes(32), hmac, false, ['sign', 'verify'])
  return { privateKey: key, publicKey: key }
}

async function tokens(alg: string, { privateKey, publicKey }: Keys) {
  const requests: SignedIn[] = []
  for (const { id, ...claims } of everybody()) {
    const token = new SignJWT(claims).setProtectedHeader({ alg }).setSubject(id).setExpirationTime('1h')
    requests.push({ path: '/', cookie: `token=${await token.sign(privateKey)}`, userId: id })
  }
  const app = new Koa()
  app.use(async ctx => {
    const token = ctx.cookies.get('token') ?? ''
    const verified = await jwtVerify(token, publicKey, { algorithms: [alg] }).catch(() => null)
    sayWhoInKoa(ctx, verified?.payload.sub)
  })
  return served(app.callback(), requests)
}

export const jwtHs256: Maker = async () => tokens('HS256', await hmacKeys())
export const jwtEs256: Maker = async () => tokens('ES256', await generateKeyPair('ES256'))
