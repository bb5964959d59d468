import { setTimeout } from 'node:timers/promises'
import { addEnded } from './ended-rows.ts'
import { addLive, markEnded, openScene, type Scene } from './scene.ts'

const ENDED = [200_000, 500_000, 1_000_000, 2_000_000]
const PROCESSES = [1, 2, 4]
const FOLLOWED = 1_000
const WAITING = 2_000

/** What the auth service was seen to do where there is much to do. */
export interface Seen {
  /** `ms` is null where PostgreSQL gave the query up. */
  readonly replays: readonly { readonly ended: number; readonly ms: number | null }[]
  /** Several processes that follow the same thousand endings. */
  readonly followed: readonly { readonly processes: number; readonly ms: number; readonly messages: number }[]
  /** The sign-out of a remembered browser while 2,000 other sessions have yet to end. */
  readonly signOutMs: number
}

/** Looks at what grows: rows to replay, processes that follow, and endings that wait. */
export async function see(): Promise<Seen> {
  const scene = await openScene()
  try {
    const followed: Seen['followed'][number][] = []
    for (const processes of PROCESSES) followed.push(await follow(scene, processes))
    await markEnded(scene, await addLive(scene, WAITING))
    const signingOut = scene.process()
    const begunAt = performance.now()
    await signingOut.endSeries('a-series-that-has-no-sessions')
    const signOutMs = performance.now() - begunAt
    return { followed, signOutMs, replays: await replays(scene) }
  } finally {
    await scene.close()
  }
}

async function follow(scene: Scene, processes: number): Promise<Seen['followed'][number]> {
  const each = Array.from({ length: processes }, () => scene.process())
  // Their connections are there before the clock runs.
  for (const sessions of each) await sessions.follow()
  await markEnded(scene, await addLive(scene, FOLLOWED))
  let messages = 0
  const watch = scene.store.watch({ forget: () => void messages++, forgetAll: () => {} })
  const begunAt = performance.now()
  await Promise.all(each.map(sessions => sessions.follow()))
  const ms = performance.now() - begunAt
  await setTimeout(300)
  await watch.stop()
  return { processes, ms, messages }
}

async function replays(scene: Scene): Promise<Seen['replays']> {
  const sessions = scene.process()
  const all: Seen['replays'][number][] = []
  for (const [index, ended] of ENDED.entries()) {
    await addEnded(scene.database, (ENDED[index - 1] ?? 0) + 1, ended)
    const begunAt = performance.now()
    const isDone = await sessions.replay().then(
      () => true,
      () => false,
    )
    all.push({ ended, ms: isDone ? performance.now() - begunAt : null })
  }
  return all
}
