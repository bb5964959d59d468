/** What a verb costs Redis, each time. */
export interface VerbCost {
  /** Those that Redis counts: a script and what it calls, MULTI and EXEC among them. */
  readonly commands: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** Inside commands, by Redis' own commandstats. */
  readonly commandMicros: number
  /** Of Redis' main thread, with reading, writing and waiting: the verbs came one at a time. */
  readonly cpuMicros: number
}

/** Statements that SQL is sent. */
export interface Statements {
  readonly reads: number
  readonly writes: number
}

export const VERBS = ['check', 'touch', 'issue', 'redeem', 'start', 'revoke', 'beat'] as const

/** A verb of the store that is measured; `check` is one that the agent's memory does not answer. */
export type Verb = (typeof VERBS)[number]

/** What was measured: all that the model knows of Carnet. */
export interface Constants {
  readonly verbs: Readonly<Record<Verb, VerbCost>>
  /** Bytes in Redis, by the growth of used_memory. */
  readonly memory: {
    readonly session: number
    readonly ticket: number
    readonly tombstone: number
    readonly unnoted: number
  }
  /** One message to one subscriber: of Redis' main thread, and of the agent's core. */
  readonly delivery: {
    /** Where messages come one at a time: each is a write of its own. */
    readonly redisMicros: number
    /** Where 50 come together, as in a storm. */
    readonly redisMicrosTogether: number
    readonly bytes: number
    readonly agentMicros: number
  }
  readonly agent: { readonly heapPerSession: number }
  /** An auth service that nobody asks anything, with one master. */
  readonly atRest: { readonly redisPerSecond: number; readonly sqlPerSecond: number }
  readonly service: {
    readonly signIn: { readonly redis: number; readonly sql: Statements }
    /** One site's pixel or bounce at the auth service. */
    readonly authorize: { readonly redis: number; readonly sql: Statements }
    readonly signOut: { readonly redis: number; readonly sql: Statements }
    /** Of a core, for one password. */
    readonly hashMicros: number
  }
  /** The auth service's own work in one process, per row, in µs of time. */
  readonly following: {
    /** `follow`, for a session that SQL says has to end. */
    readonly followMicros: number
    /** `noteEndedElsewhere`, for one that was signed out at a site and is not remembered. */
    readonly noteMicros: number
    /** `replay`, for a row of an ended session: its query alone, and all of it. */
    readonly replayQueryMicros: number
    readonly replayMicros: number
    /** `sweep`, for a row of a live session that is not remembered. */
    readonly sweepMicros: number
    /** `endSeries`, for each row of a live session that stands in SQL, anybody's. */
    readonly endSeriesMicros: number
  }
  /** Bytes of a row in PostgreSQL, with its indexes. */
  readonly row: { readonly session: number; readonly site: number; readonly series: number }
}
