import type { Load } from './load.ts'

// What is forgotten is forgotten with its part of an agent's memory: see `SessionCache`.
const PARTS = 2 ** 17

/**
 * How many of the page views find their session in the agent's memory. Of a visit's views those that come to an agent
 * first miss; so do those whose session was pushed out meanwhile, or whose part was forgotten since the view before.
 */
export function hitRatio(
  load: Pick<Load, 'visit' | 'cache'>,
  { agents, viewsPerAgent, forgets }: { agents: number; viewsPerAgent: number; forgets: number },
): number {
  const { views, minutes } = load.visit
  const again = 1 - distinct(agents, views) / views
  const between = (minutes * 60) / (views / Math.min(agents, views))
  // A full memory forgets what was read longest ago: after as many misses as it holds.
  const misses = viewsPerAgent * (1 - again)
  const kept = Math.min(1, load.cache / (misses * between))
  const unspoilt = Math.exp((-forgets / PARTS) * between)
  return again * kept * unspoilt
}

/** To how many of `agents` some views come, where each is sent to any of them. */
export function distinct(agents: number, views: number): number {
  if (agents <= 1) return Math.min(1, views)
  return agents * (1 - (1 - 1 / agents) ** views)
}
