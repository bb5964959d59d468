/** Who uses the sites, and how. Rates are means over all live sessions and the whole day. */
export interface Load {
  /** Alive at once. */
  readonly sessions: number
  readonly signInsPerSessionDay: number
  /** Sign-ins that a remember cookie makes, without a password. */
  readonly wokenShare: number
  /** Sign-outs by people and by operators. */
  readonly endingsPerSessionDay: number
  /** Of the endings, those that begin in SQL or at the auth service, not at a site. */
  readonly endedAtServiceShare: number
  readonly rememberedShare: number
  /** The absolute end. */
  readonly absoluteDays: number
  readonly rememberDays: number
  readonly viewsPerSessionMinute: number
  /** The busiest minute of a day, in times of the mean. */
  readonly peak: number
  /** A visit to one site, within which a session may be found in an agent's memory. */
  readonly visit: { readonly views: number; readonly minutes: number }
  readonly touchSeconds: number
  /** Sites that take part. */
  readonly sites: number
  /** Sites that a sign-in is taken to. */
  readonly sitesPerSignIn: number
  /** Page views that one agent, which is one process, answers. */
  readonly viewsPerAgentSecond: number
  readonly agentsPerSiteAtLeast: number
  /** Whether the load balancer brings a browser to the same agent again. */
  readonly sticky: boolean
  /** Sessions in an agent's memory at most. */
  readonly cache: number
  /** Cores of a machine that runs one process of the auth service. */
  readonly coresPerService: number
  /** So many of all live sessions are revoked, evenly over so many minutes; null for normal times. */
  readonly storm: { readonly share: number; readonly minutes: number } | null
}

/** How far things may be used. */
export interface Limits {
  /** Data in a master; the machine has twice as much, for copies while it saves and for fragmentation. */
  readonly shardBytes: number
  /** Of a core: of a master's main thread, of an agent for hearing, of the auth service for passwords. */
  readonly coreShare: number
  readonly networkBitsPerSecond: number
  /** Redis' `maxclients`, as it comes. */
  readonly connections: number
  /** Statements that change rows, at one PostgreSQL. */
  readonly sqlWritesPerSecond: number
  /** Carnet's own: the lanes of a cluster. */
  readonly lanes: number
  /** How long a replay may keep a new master from being read. */
  readonly replaySeconds: number
}

/** Assumptions about a large consumer site; none is measured. */
export const USUAL: Load = {
  sessions: 1_000_000,
  signInsPerSessionDay: 0.1,
  wokenShare: 0.5,
  endingsPerSessionDay: 0.02,
  endedAtServiceShare: 0.3,
  rememberedShare: 0.7,
  absoluteDays: 30,
  rememberDays: 30,
  viewsPerSessionMinute: 0.02,
  peak: 3,
  visit: { views: 10, minutes: 10 },
  touchSeconds: 60,
  sites: 20,
  sitesPerSignIn: 3,
  viewsPerAgentSecond: 500,
  agentsPerSiteAtLeast: 2,
  sticky: true,
  cache: 50_000,
  coresPerService: 16,
  storm: null,
}

/** Assumptions about machines, and Carnet's own limits. */
export const SAFE: Limits = {
  shardBytes: 16 * 2 ** 30,
  coreShare: 0.5,
  networkBitsPerSecond: 5e9,
  connections: 10_000,
  sqlWritesPerSecond: 10_000,
  lanes: 16,
  replaySeconds: 60,
}
