export {
  type Arrival,
  addressPrefix,
  type Binding,
  type BindingMode,
  type Client,
  clientOf,
  isLocalAddress,
  networksOf,
  normalizeAddress,
  parseTrustProxy,
  type TrustProxy,
  untrustedForwarder,
} from './binding.ts'
export {
  type CookieNames,
  cookieNames,
  type NewCookie,
  parseCookies,
  parseSecrets,
  type Secrets,
  Signer,
  serializeCookie,
  signSid,
  siteSecrets,
  soleCookie,
  verifiedSids,
  verifySid,
} from './cookie.ts'
export { CarnetError, type CarnetErrorDetails, type ErrorCode, STATUS_BY_CODE } from './errors.ts'
export { sessionHandle } from './handle.ts'
export { type Language, languageFor } from './language.ts'
export { addSite, type NewSite, removeSite, renameSite } from './manifest/edit.ts'
export { fixedManifest, type LiveManifest, type ManifestListener, watchManifest } from './manifest/live.ts'
export {
  authOrigin,
  findSite,
  loadManifest,
  ManifestError,
  type ManifestFault,
  originsOf,
  parseManifest,
} from './manifest/manifest.ts'
export {
  type Brand,
  type FanOut,
  isLocalhost,
  type Manifest,
  manifestJsonSchema,
  parseDuration,
  type Site,
} from './manifest/schema.ts'
export { FORGED_ADDRESS, ProxyNotice } from './proxy-notice.ts'
export { returnTarget } from './redirect.ts'
export type { Report, SiteReport } from './report.ts'
export { Reporter } from './reporter.ts'
export { hasJsonBody, isSpeculative, requestOrigin, wantsJson } from './request-origin.ts'
export {
  type NewSession,
  newSid,
  revokeSession,
  type SessionEnd,
  type SessionLife,
  startSession,
  touchSessions,
  type Used,
} from './session.ts'
export { isFresh, isSid, type SessionRecord, tagOf, type User } from './session-record.ts'
export {
  CLOCKS_WITHIN_MS,
  isSignedBy,
  parseSignature,
  type RequestParts,
  type RequestSignature,
  requestKeys,
  signRequest,
} from './signed-request.ts'
export { HttpStore } from './store/http.ts'
export { dataOf, type HttpAnswer, HttpRequests, type Signatory } from './store/http-requests.ts'
export { inspectRedis, type RedisFindings, type RedisServer } from './store/inspect-redis.ts'
export { MemoryStore } from './store/memory.ts'
export { openStore } from './store/open.ts'
export { RedisStore } from './store/redis.ts'
export { agentRules, serviceRules } from './store/redis-acl.ts'
export { openRedis, type RedisClient } from './store/redis-connection.ts'
export type {
  AgentStore,
  BurntTicket,
  NewTicket,
  Revocation,
  Store,
  Touch,
  Watch,
  Watcher,
} from './store/store.ts'
export {
  issueTickets,
  type Redeemed,
  type Redemption,
  redeemTicket,
  siteOfTicket,
  type TicketRequest,
} from './ticket.ts'
export type { TicketRecord } from './ticket-record.ts'
export { Toucher, touchEvery } from './toucher.ts'
export { answers, requests, type SiteSignedIn, type SiteSignIn } from './wire.ts'
