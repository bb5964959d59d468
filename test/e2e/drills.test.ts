import test from 'ava'
import { type Drill, runDrill } from '../drill/drill.ts'
import { killedServices } from '../drill/http-drills.ts'
import { spoiltWay } from '../drill/network-drill.ts'
import { frozenRedis } from '../drill/redis-drills.ts'
import { startPostgres } from '../support/postgres.ts'

// The short form of `pnpm drill`: the faults last some seconds, and little has to be acknowledged.
const postgres = await startPostgres()
test.after.always(postgres.stop)

function holds(title: string, drill: Drill): void {
  // One after the other: a load that another one slows down shows nothing but slowness.
  test.serial(title, async t => {
    t.timeout(120_000)
    const outcome = await runDrill(drill, { databaseUrl: await postgres.create(), least: 20, brief: true })
    t.is(outcome.unproven, null)
    t.deepEqual(outcome.violations, [], outcome.proof)
    t.deepEqual(outcome.unrecovered, [])
  })
}

holds('Redis is frozen, and nothing that was acknowledged is lost', frozenRedis)
holds('a site is cut off from Redis in four ways, and takes nobody for signed in who is not', spoiltWay)
holds(
  'both auth services are killed, and agents over HTTP lose nothing that was acknowledged',
  killedServices,
)
