import { newSid } from '@carnet/protocol'
import test from 'ava'
import { migrate, openDatabase } from '../../packages/auth-service/src/accounts/database.ts'
import { Remembering } from '../../packages/auth-service/src/accounts/remember.ts'
import { insertUser, newRow } from '../../packages/auth-service/src/accounts/user-row.ts'

const HOUR = 3_600_000

interface Scene {
  readonly remembering: Remembering
  clock: number
}

async function scene(): Promise<Scene> {
  const database = openDatabase('sqlite::memory:')
  await migrate(database)
  await insertUser(database, { ...newRow({ email: 'a@example.com', name: 'A' }, null), id: 'a' })
  const made = { clock: 1_000_000 } as { remembering: Remembering; clock: number }
  made.remembering = new Remembering(
    database,
    ['key'],
    async () => false,
    () => made.clock,
  )
  return made
}

// Numbers that look random and are the same in every run (mulberry32).
function dice(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

const SERIES = 40
const WAKE_UPS = 100
const PARALLEL = 4
const LOST = 0.02

interface Cookie {
  readonly seriesId: string
  token: string
}

/** One wake-up: parallel requests with one token, some of whose answers are lost. True for an alarm. */
async function wakeUp({ remembering }: Scene, cookie: Cookie, random: () => number): Promise<boolean> {
  const presented = await Promise.all(
    Array.from({ length: PARALLEL }, () => remembering.present(cookie.seriesId, cookie.token)),
  )
  for (const answer of presented) {
    if (answer.outcome === 'stolen') return true
    if (answer.outcome === 'known' && random() >= LOST) cookie.token = answer.token
  }
  return false
}

test('simulation: 4,000 wake-ups with parallel requests and lost answers raise no alarm', async t => {
  const random = dice(1)
  let alarms = 0
  const made = await scene()
  for (let series = 0; series < SERIES; series++) {
    const user = { id: 'a', epoch: 0 }
    const cookie = await made.remembering.begin(user, { sid: newSid(), life: 1e12, authenticatedAt: 0 })
    for (let wake = 0; wake < WAKE_UPS; wake++) {
      made.clock += Math.floor(random() * 24 * HOUR)
      if (await wakeUp(made, cookie as Cookie, random)) alarms++
    }
  }
  t.is(alarms, 0)
})

test('simulation: every thief who walks along is caught', async t => {
  const random = dice(2)
  const made = await scene()
  let caught = 0
  let longest = 0
  for (let series = 0; series < SERIES; series++) {
    const user = { id: 'a', epoch: 0 }
    const owner = (await made.remembering.begin(user, {
      sid: newSid(),
      life: 1e12,
      authenticatedAt: 0,
    })) as Cookie
    let thief: Cookie | null = null
    for (let wake = 0; wake < WAKE_UPS; wake++) {
      made.clock += Math.floor(random() * 24 * HOUR)
      if (wake === 5) thief = { ...owner }
      const turns = thief === null ? [owner] : random() < 0.5 ? [owner, thief] : [thief, owner]
      let alarm = false
      for (const cookie of turns) {
        // The two seldom come within the same minute, but they may.
        made.clock += Math.floor(random() * 20 * 60_000)
        alarm = await wakeUp(made, cookie, random)
        if (alarm) break
      }
      if (!alarm) continue
      caught++
      longest = Math.max(longest, wake - 5)
      break
    }
  }
  t.is(caught, SERIES)
  t.true(longest <= 5, `the longest walk was ${longest} wake-ups`)
})

test('simulation: plain rotation would raise an alarm in every series', t => {
  const random = dice(1)
  for (let series = 0; series < SERIES; series++) {
    let [kept, held, alarms] = [0, 0, 0]
    for (let wake = 0; wake < WAKE_UPS; wake++) {
      const presented = held
      for (let request = 0; request < PARALLEL; request++) {
        if (presented !== kept) alarms++
        else {
          kept++
          if (random() >= LOST) held = kept
        }
      }
    }
    t.true(alarms > 0)
  }
})
