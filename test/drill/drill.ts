import { setTimeout } from 'node:timers/promises'
import { until } from '../support/until.ts'
import { Load, type LoadOptions } from './load.ts'
import { KINDS, type Kind, Oracle, type Violation } from './oracle.ts'
import { type AgentsAsk, startWorld, type World } from './processes.ts'

/** What a fault is made with. */
export interface Scene {
  readonly world: World
  readonly oracle: Oracle
  /** The short form, for the test suite. */
  readonly brief: boolean
}

/** The store that a drill's parts share, and how they are to be started. */
export interface Stage {
  readonly storeUrl: string
  readonly env?: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly load?: LoadOptions
  readonly agentsAsk?: AgentsAsk
  /**
   * Makes the fault, tells the oracle of its beginning and its end, and returns the proof that it happened. Throws where
   * it did not.
   */
  fault(scene: Scene): Promise<string>
  stop(): Promise<void>
}

/** A fault under load. */
export interface Drill {
  readonly name: string
  /** In the words of the table. */
  readonly failure: string
  prepare(): Promise<Stage>
}

/** What came of one. */
export interface Outcome {
  readonly name: string
  readonly failure: string
  /** Why it does not count, or null. */
  readonly unproven: string | null
  readonly proof: string
  /** What did not come back after the fault, and where. */
  readonly unrecovered: readonly string[]
  readonly violations: readonly Violation[]
  readonly counts: Readonly<Record<Kind, number>>
  readonly failedSince: Readonly<Record<Kind, { all: number; failed: number }>>
  readonly recoveryMs: Readonly<Record<Kind, number | null>>
  readonly lastFailedMs: Readonly<Record<Kind, number>>
  readonly lostSessions: number
  readonly lateSignOutMs: number
  readonly slow: number
  readonly slowestMs: number
  readonly shownAgain: number
  readonly checkedAfter: number
}

/** What has to come back. */
const RECOVERING = ['sign-in', 'redeem', 'check', 'sign-out'] as const

/** How to run one. */
export interface DrillOptions {
  readonly databaseUrl: string
  /** How many sign-ins, redeems and sign-outs have to be acknowledged. Default: 100. */
  readonly least?: number
  /** Default: false. */
  readonly brief?: boolean
}

/** Runs a drill from its servers' start to their end. */
export async function runDrill(
  drill: Drill,
  { databaseUrl, least = 100, brief = false }: DrillOptions,
): Promise<Outcome> {
  const oracle = new Oracle()
  const stage = await drill.prepare()
  const world = await startWorld({
    databaseUrl,
    storeUrl: stage.storeUrl,
    ...(stage.env && { env: stage.env }),
    ...(stage.agentsAsk && { agentsAsk: stage.agentsAsk }),
  })
  let unproven: string | null = null
  let proof = ''
  try {
    const load = new Load(world, oracle, stage.load)
    await load.start()
    const warm = Math.ceil(least / 5)
    await until(() => enough(oracle, warm), 60_000)
    try {
      proof = await stage.fault({ world, oracle, brief })
    } catch (error) {
      unproven = (error as Error).message
    }
    if (unproven === null) {
      // What is still missing then is told below.
      await until(() => RECOVERING.every(kind => oracle.firstGood(kind) !== null), 20_000).catch(() => {})
      try {
        await until(() => enough(oracle, least), 60_000)
        // What a fault leaves behind may show only when a sign-out's bound has passed.
        await setTimeout(brief ? 1_000 : 3_000)
      } catch {
        unproven = 'too little was acknowledged'
      }
    }
    await load.stop()
  } finally {
    await world.stop()
    await stage.stop()
  }
  return {
    name: drill.name,
    failure: drill.failure,
    unproven,
    proof,
    unrecovered: RECOVERING.flatMap(kind => oracle.missing(kind).map(place => `${kind} at ${place}`)),
    violations: oracle.violations,
    counts: byKind(kind => oracle.count(kind)),
    failedSince: byKind(kind => oracle.since(kind)),
    recoveryMs: byKind(kind => oracle.firstGood(kind)),
    lastFailedMs: byKind(kind => oracle.lastFailed(kind)),
    lostSessions: oracle.lost,
    lateSignOutMs: Math.round(oracle.lateSignOutMs),
    slow: oracle.slow,
    slowestMs: Math.round(oracle.slowestMs),
    shownAgain: oracle.shownAgain,
    checkedAfter: oracle.checkedAfter,
  }
}

/** Whether a drill's fault happened, and all that was promised held and came back. */
export function isGood({ unproven, unrecovered, violations }: Outcome): boolean {
  return unproven === null && unrecovered.length === 0 && violations.length === 0
}

function enough(oracle: Oracle, least: number): boolean {
  return (['sign-in', 'redeem', 'sign-out'] as const).every(kind => oracle.count(kind) >= least)
}

function byKind<T>(of: (kind: Kind) => T): Record<Kind, T> {
  return Object.fromEntries(KINDS.map(kind => [kind, of(kind)])) as Record<Kind, T>
}

/** Ends a drill as unproven where its fault did not happen. */
export function prove(condition: boolean, what: string): void {
  if (!condition) throw new Error(`the fault is not proven: ${what}`)
}
