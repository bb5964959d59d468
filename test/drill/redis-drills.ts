import { setTimeout } from 'node:timers/promises'
import { startRedis } from '../support/redis.ts'
import { type Drill, prove } from './drill.ts'

const MARK = 'drill:mark'

/** Redis with a log on disk is killed, and is back at once. */
export const restartedRedis: Drill = {
  name: 'redis-restart',
  failure: 'Redis with an append-only file is killed and starts again',
  async prepare() {
    const redis = await startRedis({ appendOnly: true })
    return {
      storeUrl: redis.url,
      stop: redis.stop,
      async fault({ oracle }) {
        const before = await redis.info('run_id')
        prove((await redis.info('aof_enabled')) === '1', 'there is no append-only file')
        oracle.faultBegan()
        await redis.restart()
        oracle.faultEnded()
        const after = await redis.info('run_id')
        prove(before !== after, 'it is the same run')
        return `run ${before.slice(0, 8)} became ${after.slice(0, 8)}, with ${await redis.ask('DBSIZE')} keys`
      },
    }
  },
}

/** Redis comes back with what it had a while ago. */
export const olderRedis: Drill = {
  name: 'redis-snapshot',
  failure: 'Redis without a log is killed and starts from a snapshot that is 4 s old',
  async prepare() {
    const redis = await startRedis({ log: false })
    return {
      storeUrl: redis.url,
      stop: redis.stop,
      async fault({ oracle, brief }) {
        const before = await redis.info('run_id')
        await redis.ask('SAVE')
        await redis.ask('SET', MARK, '1', 'EX', '60')
        oracle.faultBegan()
        const signOuts = oracle.count('sign-out')
        await setTimeout(brief ? 2_500 : 4_000)
        await redis.restart()
        oracle.faultEnded()
        const forgotten = oracle.count('sign-out') - signOuts
        prove(before !== (await redis.info('run_id')), 'it is the same run')
        prove(Number(await redis.ask('DBSIZE')) > 0, 'the snapshot is empty')
        prove((await redis.ask('EXISTS', MARK)) === 0, 'it has what is later than the snapshot')
        prove(forgotten > 0, 'nobody signed out meanwhile')
        return `what was written after the snapshot is missing; ${forgotten} sign-outs were acknowledged meanwhile`
      },
    }
  },
}

/** Redis does not answer, with its connections open. */
export const frozenRedis: Drill = {
  name: 'redis-frozen',
  failure: 'Redis is frozen (SIGSTOP) for 10 s',
  async prepare() {
    const redis = await startRedis()
    return {
      storeUrl: redis.url,
      stop: redis.stop,
      async fault({ oracle, brief }) {
        oracle.faultBegan()
        redis.freeze()
        await setTimeout(brief ? 3_000 : 10_000)
        const { all, failed } = oracle.since('check')
        redis.thaw()
        oracle.faultEnded()
        prove(failed > 0, `${failed} of ${all} checks failed`)
        return `${failed} of ${all} checks failed meanwhile`
      },
    }
  },
}

/** Redis is gone, with its port refusing. */
export const absentRedis: Drill = {
  name: 'redis-gone',
  failure: 'Redis with an append-only file is gone for 20 s',
  async prepare() {
    const redis = await startRedis({ appendOnly: true })
    return {
      storeUrl: redis.url,
      stop: redis.stop,
      async fault({ oracle, brief }) {
        oracle.faultBegan()
        await redis.kill()
        await setTimeout(brief ? 3_000 : 20_000)
        const { all, failed } = oracle.since('check')
        await redis.restart()
        oracle.faultEnded()
        prove(failed > 0, `${failed} of ${all} checks failed`)
        return `${failed} of ${all} checks failed meanwhile`
      },
    }
  },
}

/** Redis has reached its memory limit, and then gets more. */
export const fullRedis: Drill = {
  name: 'redis-full',
  failure: 'Redis is at its memory limit (`noeviction`) for 10 s',
  async prepare() {
    const redis = await startRedis({ maxMemory: '1gb' })
    return {
      storeUrl: redis.url,
      stop: redis.stop,
      async fault({ oracle, brief }) {
        // Below what an empty server uses: whatever is freed meanwhile, nothing new is taken.
        await redis.ask('CONFIG', 'SET', 'maxmemory', '1mb')
        oracle.faultBegan()
        await setTimeout(brief ? 3_000 : 10_000)
        const signIns = oracle.since('sign-in')
        const checks = oracle.since('check')
        await redis.ask('CONFIG', 'SET', 'maxmemory', '1gb')
        oracle.faultEnded()
        const refused = Number(/count=(\d+)/.exec(await redis.info('errorstat_OOM'))?.[1] ?? 0)
        prove(refused > 0, 'no command was refused for want of memory')
        prove(signIns.failed > 0, 'no sign-in was refused')
        prove(checks.failed < checks.all, 'no check was answered')
        return `${refused} commands refused with OOM; ${signIns.failed} of ${signIns.all} sign-ins and ${checks.failed} of ${checks.all} checks refused`
      },
    }
  },
}
