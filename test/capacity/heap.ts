import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { endWithUs } from '../support/children.ts'

const SESSIONS = 100_000

/** The heap that a session takes in an agent's full memory, in bytes. */
export async function measureHeap(): Promise<number> {
  const child = fork(join(import.meta.dirname, 'agent-heap.ts'), [String(SESSIONS)], {
    execArgv: ['--expose-gc'],
  })
  endWithUs(child)
  const [message] = (await once(child, 'message')) as [{ bytesPerSession: number }]
  child.kill('SIGKILL')
  return message.bytesPerSession
}
