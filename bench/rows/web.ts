import { fakePool } from '../pool.ts'
import type { Row } from '../row.ts'
import { measureWeb } from '../web.ts'

const NEEDED_PER_SECOND = 20_000
const STREAMS = 1_000

export const web: Row = {
  name: 'web',
  what: `/api/status answers per second of one core (at least ${NEEDED_PER_SECOND}), then ${STREAMS} event streams`,
  async measure(bench) {
    const { canhazgpu, effort } = bench
    const figures = await measureWeb({
      canhazgpu,
      env: (await fakePool(bench, 8)).env,
      requests: Math.round(20_000 * effort),
      streams: STREAMS,
      watchMs: 5_000,
    })
    const { requestsPerSecond, requestsPerCpuSecond, streams, memoryMb } = figures
    const megabytes = [memoryMb.before, memoryMb.open, memoryMb.after]
      .map((each) => each.toFixed(0))
      .join(', ')
    return {
      value: `${Math.round(requestsPerCpuSecond)} answers per second of processor time (${Math.round(requestsPerSecond)} per second); ${streams} streams, ${megabytes} MiB before, with and after the streams`,
      comparedWith: `${NEEDED_PER_SECOND} needed`,
      ratio: NEEDED_PER_SECOND / requestsPerCpuSecond,
      budget: 1,
      broken: streams < STREAMS ? [`only ${streams} streams were opened`] : [],
      details: { ...figures },
    }
  },
}
