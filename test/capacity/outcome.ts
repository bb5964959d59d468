/** What a load comes to, at the busiest minute of the day. */
export interface Outcome {
  readonly views: number
  readonly agents: number
  readonly hitRatio: number
  readonly redis: {
    readonly bytes: { readonly sessions: number; readonly tombstones: number; readonly tickets: number }
    readonly opsPerSecond: number
    /** Of all masters, without what the link takes. */
    readonly cores: number
    readonly shards: number
    /** Masters, and a replica for each. */
    readonly nodes: number
    readonly perShard: {
      readonly bytes: number
      readonly ops: number
      readonly bitsPerSecond: number
      readonly connections: number
    }
  }
  readonly link: {
    readonly forgets: number
    readonly beats: number
    /** Messages that every agent hears, per second, and how much of its core that takes. */
    readonly perAgent: number
    readonly agentCore: number
    readonly agentBitsPerSecond: number
    readonly deliveries: number
    /** Commands a second by which the auth service looks for what was not noted. */
    readonly looks: number
    /** Of the main thread of the master that carries most lanes. */
    readonly laneCore: number
    readonly laneBitsPerSecond: number
  }
  readonly sql: {
    readonly writes: number
    readonly sessionRows: number
    readonly endedRows: number
    readonly bytes: number
  }
  readonly service: {
    readonly processes: number
    readonly hashCores: number
    /** `follow` and `noteEndedElsewhere`: how much of one process' time endings take. They run one after the other. */
    readonly followed: number
    readonly noted: number
    /** How long the ending of a remembered session looks for its rows, in ms. */
  }
  readonly replay: { readonly seconds: number }
}
