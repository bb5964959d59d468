import { availableParallelism } from 'node:os'

/** A number of tasks, and how many of them are under way at any time. */
export interface Batch {
  readonly tasks: number
  readonly atOnce: number
}

/** For what the password workers do: some tasks wait for each of them, and none is turned away. */
export const BATCH: Batch = { tasks: 12 * availableParallelism(), atOnce: 4 * availableParallelism() }

/** Does a task so many times; how often a second it was done. */
export async function saturate(task: () => Promise<void>, { tasks, atOnce }: Batch): Promise<number> {
  let left = tasks
  const repeat = async () => {
    while (left-- > 0) await task()
  }
  const begunAt = performance.now()
  await Promise.all(Array.from({ length: atOnce }, repeat))
  return (tasks * 1000) / (performance.now() - begunAt)
}
