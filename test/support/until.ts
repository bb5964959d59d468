import { setTimeout } from 'node:timers/promises'

/** Waits until a condition holds; fails after `withinMs`. A condition that throws does not hold yet. */
export async function until(condition: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> {
  const deadline = performance.now() + withinMs
  for (;;) {
    try {
      if (await condition()) return
    } catch (error) {
      if (performance.now() > deadline) throw error
    }
    if (performance.now() > deadline)
      throw new Error(`What was waited for did not come within ${withinMs} ms.`)
    await setTimeout(5)
  }
}
