import { setTimeout } from 'node:timers/promises'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { type Drill, prove } from './drill.ts'

/** One of two auth services is killed, and started again. */
export const killedService: Drill = {
  name: 'service-killed',
  failure: 'one of two auth services is killed (`kill -9`)',
  async prepare() {
    const redis = await startRedis()
    return {
      storeUrl: redis.url,
      stop: redis.stop,
      async fault({ world, oracle, brief }) {
        const [service] = world.services
        if (service === undefined) throw new Error('There is no service.')
        const refusedBefore = world.balancer.refused
        oracle.faultBegan()
        const { process } = service.program
        process.kill('SIGKILL')
        await service.program.exited
        prove(process.signalCode === 'SIGKILL', `it ended by ${process.signalCode}`)
        await setTimeout(brief ? 2_000 : 8_000)
        const refused = world.balancer.refused - refusedBefore
        prove(refused > 0, 'nobody was sent to the service that was gone')
        await service.start()
        return `ended by SIGKILL; ${refused} connections found it gone`
      },
    }
  },
}

/** Both auth services are told to end and started again, one after the other. */
export const rollingRestart: Drill = {
  name: 'rolling-restart',
  failure: 'both auth services are restarted in turn (SIGTERM)',
  async prepare() {
    const redis = await startRedis()
    return {
      storeUrl: redis.url,
      stop: redis.stop,
      async fault({ world, oracle }) {
        const proofs: string[] = []
        oracle.faultBegan()
        for (const service of world.services) {
          const { program } = service
          const began = performance.now()
          program.process.kill('SIGTERM')
          const code = await program.exited
          prove(code === 0, `${service.name} ended with ${code}: ${program.output().slice(-300)}`)
          proofs.push(`${service.name} ended well after ${Math.round(performance.now() - began)} ms`)
          await service.start()
          prove(service.program.process.pid !== program.process.pid, 'the process is the same')
          // The other one goes only once this one has work again.
          const soFar = oracle.count('sign-in')
          await until(() => oracle.count('sign-in') > soFar + 5, 30_000)
        }
        return proofs.join('; ')
      },
    }
  },
}
