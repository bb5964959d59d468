import type { World } from './world.ts'

/** Lifts the limits on tries, so that each request reaches what would read it. */
export function unlimited(world: World): void {
  Object.assign(world.service.desk.limits, {
    count: async () => {},
    guess: (_guesser: unknown, judge: () => Promise<unknown>) => judge(),
  })
}
