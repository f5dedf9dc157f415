import { beforeAll, expect } from 'bun:test'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { storedPool } from '../support/database.ts'
import { diesAtWrite } from '../support/dies-at-write.ts'
import { sharedFleet } from '../support/fleet.ts'
import { untilAllFree } from '../support/job.ts'
import { needing } from '../support/needs.ts'
import type { Finished } from '../support/pool.ts'
import { pidsWith } from '../support/processes.ts'
import { until } from '../support/until.ts'

/**
 * A process of `run --host` is killed before each system call by which others can see what it does, one call later in
 * each run. So each state that `kill -9` can leave is reached, without luck.
 */
const CALLS = ['write', '?clone,?clone3,?vfork', 'exit_group'] as const
/** More than any of them makes. */
const MOST_CALLS = 100

/** Where the victim is started: returns how to start the caller then. */
type Arm = (tracer: string) => Disposable & { readonly caller: string }

const killTest = needing('ssh', 'sshd', 'strace')

killTest.describe('kill -9 before every system call', () => {
  const fleet = sharedFleet(1)
  let daemons: readonly number[]
  beforeAll(() => {
    daemons = processes()
  })

  const processes = () =>
    [fleet.caller, fleet.host.pool].flatMap(({ store }) => pidsWith(`CANHAZGPU_STORE=${store}`))

  const ran = () => `${fleet.caller.folder}/ran`

  const victims = {
    'the caller': (tracer) => ({ caller: `${tracer} $CHG`, [Symbol.dispose]() {} }),
    ssh: (tracer) => {
      const program = `${fleet.caller.folder}/ssh/ssh`
      const script = readFileSync(program, 'utf8')
      writeFileSync(program, script.replace('exec ', `exec ${tracer} `))
      return { caller: '$CHG', [Symbol.dispose]: () => writeFileSync(program, script) }
    },
    'our server process there': (tracer) => {
      const replaced = fleet.host.replaceProgram(`exec ${tracer} $REAL "$@"`)
      return { caller: '$CHG', [Symbol.dispose]: () => replaced[Symbol.dispose]() }
    },
  } satisfies Record<string, Arm>

  for (const [victim, arm] of Object.entries(victims)) {
    // What ssh does is the same in both modes, and takes the most time.
    const needs = victim === 'ssh' ? (['embedded pool'] as const) : []
    needing('ssh', 'sshd', 'strace', ...needs).test(
      `${victim}, while a command starts, runs and ends`,
      async () => {
        for (const calls of CALLS) await killedAtEvery(calls, arm, startsAtOnce)
      },
      180_000,
    )
  }

  // The kills of both sides are the losses of their connection.
  for (const victim of ['the caller', 'our server process there'] as const) {
    killTest.test(
      `${victim}, while a request waits and its command starts`,
      async () => {
        for (const calls of CALLS) await killedAtEvery(calls, victims[victim], startsAfterWait)
      },
      180_000,
    )
  }

  needing('ssh', 'sshd', 'gcc', 'embedded pool').test(
    'the command there, before every write to its pool',
    async () => {
      const { host } = fleet
      const kills = await diesAtWrite(host.pool)
      for (let write = 1; write < MOST_CALLS; write++) {
        rmSync(ran(), { force: true })
        const variables = Object.entries(kills.variables(write)).map((entry) => entry.join('='))
        using _ = host.replaceProgram(`exec env ${variables.join(' ')} $REAL "$@"`)
        const { status } = await startsAtOnce('$CHG')
        await untilNothingIsLeft()
        if (status === 0) return
        // It ends like the command.
        expect([137, null]).toContain(status)
        expect(existsSync(ran())).toBe(false)
      }
      throw new Error('it writes more')
    },
    180_000,
  )

  /** Repeats the run, each time killed one call later, until the victim ends by itself. */
  async function killedAtEvery(calls: string, arm: Arm, run: (caller: string) => Promise<Finished>) {
    const log = `${fleet.caller.folder}/calls`
    for (let call = 1; call < MOST_CALLS; call++) {
      for (const file of [log, ran()]) rmSync(file, { force: true })
      using armed = arm(`strace -o ${log} -e trace=${calls} -e inject=${calls}:signal=SIGKILL:when=${call}`)
      const finished = await run(armed.caller)
      await untilNothingIsLeft()
      expectTruth(finished)
      const end = await until('the tracer has ended', () => /^\+\+\+ .*/m.exec(readOr(log))?.[0])
      if (!end.includes('killed by SIGKILL')) return
    }
    throw new Error('it makes more calls')
  }

  const COMMAND = () => `run --host gpu1 --wait -- sh -c 'echo >> ${ran()}'`

  async function startsAtOnce(caller: string): Promise<Finished> {
    return fleet.caller.sh(`${caller} ${COMMAND()}`)
  }

  /** The GPU becomes free once the request waits, or has ended before. */
  async function startsAfterWait(caller: string): Promise<Finished> {
    const { pool } = fleet.host
    await pool.chg('reserve')
    let isOver = false
    const finished = fleet.caller.sh(`${caller} ${COMMAND()}`).finally(() => {
      isOver = true
    })
    await until('it waits', () => isOver || storedPool(pool).queue.length === 1)
    await pool.chg('release')
    return finished
  }

  /** What the caller says about the command is true. A killed caller says nothing. */
  function expectTruth({ status, stderr }: Finished): void {
    if (status === 137 || status === null) return
    expect([0, 69, 255]).toContain(status)
    if (status === 0) expect(readOr(ran())).toBe('\n')
    if (status === 69) expect(existsSync(ran())).toBe(false)
    if (status !== 0) expect(stderr).toMatch(/^Error: (Cannot reach gpu1|The connection to gpu1 was lost)/m)
  }

  /** No GPU, no place in the queue, no process. */
  async function untilNothingIsLeft(): Promise<void> {
    const { pool } = fleet.host
    await untilAllFree(pool)
    await until('the queue is empty', () => storedPool(pool).queue.length === 0)
    await until('no process is left', () => fleet.host.sessions().length === 0)
    await until('no process of ours is left', () => processes().every((pid) => daemons.includes(pid)))
  }
})

function readOr(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}
