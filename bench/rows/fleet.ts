import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { redisServer } from '../../test/support/redis.ts'
import { adoptOrphans } from '../orphans.ts'
import { fakePool, inMode, type Mode, modeWords } from '../pool.ts'
import { timeProgram } from '../programs.ts'
import type { Row } from '../row.ts'
import { inTurn, type Sampler, shown } from '../samples.ts'

const BUDGET_MS = 50
const COMMANDS = [
  { name: 'status', words: ['status'] },
  { name: 'run', words: ['run', '--', 'true'] },
]
const STATES = ['up', 'stopped', 'gone'] as const

/** What the setting `fleet` adds to commands of this host, whatever state the server of the board is in. */
export const fleet = (mode: Mode): Row => ({
  name: inMode('fleet', mode),
  what: `what a board that is up, stopped or gone adds to status and run -- true${modeWords(mode)} (budget ${BUDGET_MS} ms)`,
  needs: 'redis-server',
  async measure(bench) {
    using up = await redisServer()
    using stopped = await redisServer()
    using gone = await redisServer()
    stopped.stop()
    await gone.kill()
    const boards = Object.entries({ none: '', up: up.url, stopped: stopped.url, gone: gone.url })
    using pools = new DisposableStack()
    const samplers: Record<string, Sampler> = {}
    for (const [state, url] of boards) {
      const folder = join(bench.folder, state)
      mkdirSync(folder)
      const board = url === '' ? {} : { CANHAZGPU_FLEET: url, CANHAZGPU_HOST_NAME: 'bench' }
      const pool = pools.use(await fakePool({ ...bench, folder }, 8, mode, board))
      const env = { ...pool.env, ...board }
      samplers.floor ??= () => timeProgram([bench.floor.program], pool.env)
      for (const { name, words } of COMMANDS) {
        samplers[`${name} ${state}`] = () => {
          const ms = timeProgram([bench.canhazgpu, ...words], env)
          // Supervisors would slow the next sample. Processes that publish to a board that is out try for a minute.
          orphans.waitForAll('__publish')
          return ms
        }
      }
    }
    // Only now, so that servers and daemons are none of them.
    const orphans = adoptOrphans()
    const taken = await inTurn(100 * bench.effort, samplers)
    const isPublished = (await up.ask('EXISTS', 'canhazgpu:host:bench')) === 1
    orphans.killAll()
    const median = (sample: string) => taken[sample]?.median ?? Number.NaN
    const added = COMMANDS.map(({ name }) =>
      STATES.map((state) => median(`${name} ${state}`) - median(`${name} none`)),
    )
    const words = COMMANDS.map(({ name }, at) => {
      const figures = STATES.map((state, of) => `${state} ${added[at]?.[of]?.toFixed(2)}`)
      return `${name} ${median(`${name} none`).toFixed(2)} ms without a board; ms added: ${figures.join(', ')}`
    })
    return {
      value: words.join('. '),
      comparedWith: `the same without a board; empty program ${taken.floor === undefined ? '' : shown(taken.floor)}`,
      ratio: Math.max(...added.flat()) / BUDGET_MS,
      budget: 1,
      broken: isPublished ? [] : ['the host is not on the board that is up'],
      details: taken,
    }
  },
})
