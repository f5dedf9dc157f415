import { until } from '../../test/support/until.ts'
import { HOST, PUBLISH_PAUSE_MS, publishingHost } from '../board.ts'
import { processorTime, timeProgram } from '../programs.ts'
import type { Row } from '../row.ts'
import { inTurn, shown } from '../samples.ts'

const BUDGET_MS = 500

/** Without a daemon a process in the background publishes. It pauses first, so that commits are published together. */
export const publish: Row = {
  name: 'publish',
  what: `from the exit of a command until the board shows what it did, pause of ${PUBLISH_PAUSE_MS} ms included (budget ${BUDGET_MS} ms)`,
  needs: 'redis-server',
  async measure(bench) {
    using host = await publishingHost(bench)
    const { env, server } = host
    const committed = () => server.ask('HGET', `canhazgpu:host:${HOST}`, 'committed')
    let round = 0
    const taken = await inTurn(Math.max(5, Math.round(30 * bench.effort)), {
      floor: () => timeProgram([bench.floor.program], env),
      floorProcessor: () => processorTime([bench.floor.program], env),
      subject: async () => {
        const published = await committed()
        const words = round++ % 2 === 0 ? ['reserve', '--gpus', '1', '--user', 'eve'] : ['release']
        timeProgram([bench.canhazgpu, ...words], env)
        const before = Bun.nanoseconds()
        await until('the board shows it', async () => (await committed()) !== published)
        return (Bun.nanoseconds() - before) / 1e6
      },
      process: () => timeProgram(host.publish, env),
      processor: () => processorTime(host.publish, env),
    })
    const work = taken.process.median - PUBLISH_PAUSE_MS - taken.floor.median
    const processor = taken.processor.median - taken.floorProcessor.median
    return {
      value: `${shown(taken.subject)}; the process works ${work.toFixed(1)} ms, ${processor.toFixed(1)} ms of a processor, beyond an empty program`,
      comparedWith: `empty program ${shown(taken.floor)}`,
      ratio: taken.subject.median / BUDGET_MS,
      budget: 1,
      broken: [],
      details: taken,
    }
  },
}
