import type { ChainableCommander } from 'ioredis'
import { CarnetError } from '../errors.ts'

/** The reply to a command. Throws `store_unavailable` for any fault. */
export async function answered<T>(reply: Promise<T>): Promise<T> {
  try {
    return await reply
  } catch (cause) {
    throw unavailable(cause)
  }
}

/** The replies to a pipeline or transaction. Throws `store_unavailable` where one of its commands failed. */
export async function executed(pipeline: ChainableCommander): Promise<unknown[]> {
  const replies = (await answered(pipeline.exec())) ?? []
  return replies.map(([error, reply]) => {
    if (error) throw unavailable(error)
    return reply
  })
}

/** What is said of a store that does not answer; the cause is for the log. */
export function unavailable(cause: unknown): CarnetError {
  // The command's keys name sessions: no log is to hold them, however deep it looks.
  if (cause instanceof Error) delete (cause as { command?: unknown }).command
  return new CarnetError('store_unavailable', 'The session store does not answer. Try again in a moment.', {
    cause,
  })
}
