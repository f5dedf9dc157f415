import { fillBoard, publishingHost } from '../board.ts'
import { processorTime, timeProgram } from '../programs.ts'
import type { Row } from '../row.ts'
import { inTurn, shown } from '../samples.ts'

const HOSTS = 1_000
const BUDGET_MS = 60

/**
 * The own time is the time to the exit minus an empty program and minus what a process that is already running waits for
 * the same answer of the server. The processor time is that of the command only.
 */
export const statusAll: Row = {
  name: 'status-all',
  what: `canhazgpu status --all with ${HOSTS} hosts of 8 GPUs, minus an empty program and the answer of the server (budget ${BUDGET_MS} ms)`,
  needs: 'redis-server',
  async measure(bench) {
    using host = await publishingHost(bench)
    const { env } = host
    const board = await fillBoard(host, HOSTS)
    const argv = [bench.canhazgpu, 'status', '--all']
    let read = 0
    const taken = await inTurn(Math.max(5, Math.round(60 * bench.effort)), {
      floor: () => timeProgram([bench.floor.program], env),
      floorProcessor: () => processorTime([bench.floor.program], env),
      subject: () => timeProgram(argv, env),
      subjectProcessor: () => processorTime(argv, env),
      summary: () => timeProgram([...argv, '--summary'], env),
      json: () => timeProgram([...argv, '--json'], env),
      server: async () => {
        const before = Bun.nanoseconds()
        read = (await board.read('status')).length
        return (Bun.nanoseconds() - before) / 1e6
      },
    })
    board.close()
    const own = taken.subject.median - taken.floor.median - taken.server.median
    const processor = taken.subjectProcessor.median - taken.floorProcessor.median
    return {
      value: `${own.toFixed(1)} ms own time, ${processor.toFixed(1)} ms own processor time; ${shown(taken.subject)} to the exit; --summary ${shown(taken.summary)}, --json ${shown(taken.json)}`,
      comparedWith: `empty program ${shown(taken.floor)}, answer of the server ${shown(taken.server)}`,
      ratio: Math.max(own, processor) / BUDGET_MS,
      budget: 1,
      broken: read === HOSTS + 1 ? [] : [`the board has ${read} hosts`],
      details: taken,
    }
  },
}
