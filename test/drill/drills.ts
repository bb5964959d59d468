import { wrongClocks } from './clock-drill.ts'
import type { Drill } from './drill.ts'
import { HTTP_DRILLS } from './http-drills.ts'
import { spoiltWay } from './network-drill.ts'
import { absentRedis, frozenRedis, fullRedis, olderRedis, restartedRedis } from './redis-drills.ts'
import { killedService, rollingRestart } from './service-drills.ts'
import { cutOffMaster, killedMaster, movedSlots, sentinelFailover, splitSentinel } from './topology-drills.ts'

/** All drills, in the order of the table. */
export const DRILLS: readonly Drill[] = [
  killedService,
  rollingRestart,
  restartedRedis,
  olderRedis,
  frozenRedis,
  absentRedis,
  fullRedis,
  sentinelFailover,
  splitSentinel,
  movedSlots,
  killedMaster,
  cutOffMaster,
  spoiltWay,
  wrongClocks,
  ...HTTP_DRILLS,
]
