import type { Constants } from './constants.ts'
import { measureDeliveries } from './deliveries.ts'
import { measureHeap } from './heap.ts'
import { measureMemory } from './memory.ts'
import { measureRows } from './rows.ts'
import { type Seen, see } from './seen.ts'
import { measureService } from './service.ts'
import { measureVerbs } from './verbs.ts'

/** Everything that was measured: what the model needs, and what only explains it. */
export interface Measured {
  readonly constants: Constants
  /** Bytes in Redis by MEMORY USAGE. */
  readonly told: Constants['memory']
  readonly seen: Seen
}

/** Measures on servers of its own, one thing after the other. `said` hears what is under way. */
export async function measure(said: (what: string) => void): Promise<Measured> {
  said('verbs')
  const verbs = await measureVerbs()
  said('memory')
  const { grown, told } = await measureMemory()
  said('deliveries')
  const delivery = await measureDeliveries()
  said('heap of an agent')
  const heapPerSession = await measureHeap()
  said('rows')
  const { following, row } = await measureRows()
  said('auth service')
  const { atRest, service } = await measureService()
  said('what grows')
  const seen = await see()
  const agent = { heapPerSession }
  return { constants: { verbs, memory: grown, delivery, agent, atRest, service, following, row }, told, seen }
}
