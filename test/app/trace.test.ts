import { expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { apply, applySetUp } from '../../src/domain/operation/apply.ts'
import type { Context, Operation, PoolOperationName } from '../../src/domain/operation/operation.ts'
import type { Pool, ProcessIdentity } from '../../src/domain/pool/model.ts'
import type { ProcessAnswer } from '../../src/ports/trace.ts'
import { failureOf, warningsOf } from '../support/failure.ts'
import { startForever } from '../support/job.ts'
import { type TestPool, testPool } from '../support/pool.ts'
import { until } from '../support/until.ts'

interface Line {
  readonly kind: 'step' | 'error'
  readonly operation: Operation
  readonly actor: Context['actor']
  readonly groups?: readonly number[]
  readonly moment: Context['now']
  readonly processes: readonly ProcessAnswer[]
  readonly observed?: NonNullable<Context['observed']>
  readonly pool: Pool | null
  readonly answer: unknown
  readonly wrote: boolean
  readonly during?: string
  readonly error?: readonly { readonly code: string }[]
}

/** Without a line that another process is writing at this moment. */
function traced(pool: TestPool): readonly Line[] {
  const path = pool.env.CANHAZGPU_TRACE ?? ''
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').split('\n')
  return lines.slice(0, -1).map((line) => JSON.parse(line))
}

/** Repeats the step from its line alone; a question without a recorded answer is a failure. */
function replay({ operation, actor, groups, moment, processes, observed, pool }: Line): unknown {
  const known = (process: ProcessIdentity): ProcessAnswer => {
    const found = processes.find((each) => Bun.deepEquals(each.process, process))
    if (found === undefined) throw new Error(`the line has no answer for process ${process.pid}`)
    return found
  }
  const answered = <Answer>(answer: Answer | undefined): Answer => {
    if (answer === undefined) throw new Error('the line lacks the answer')
    return answer
  }
  const context: Context = {
    ...{ actor, now: moment, ...(observed === undefined ? {} : { observed }) },
    ...(groups === undefined ? {} : { groups }),
    processes: {
      alive: (process) => answered(known(process).alive),
      stopped: (process) => answered(known(process).stopped),
      exitedAt: (process) => processes.find((each) => Bun.deepEquals(each.process, process))?.exitedAt,
    },
  }
  if (operation.op === 'set-up') return applySetUp(pool, operation, context).answer
  if (pool === null) throw new Error('the line has no pool')
  return apply<PoolOperationName>(pool, operation, context).answer
}

/** Converts maps to entries and sets to values, as in a line. */
const asTraced = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, each) => (each instanceof Map || each instanceof Set ? [...each] : each)),
  )

test('every step of commands, waiters and supervisors can be repeated from its line', async () => {
  using pool = await testPool(2)
  pool.env.CANHAZGPU_TRACE = `${pool.folder}/trace`
  const job = await startForever(pool)
  const waiting = pool.start('reserve', '--gpus', '2', '--wait')
  await until('the reserve waits', () =>
    traced(pool).some(({ operation }) => operation?.op === 'acquire' && operation.wait !== undefined),
  )
  await pool.chg('release', '--gpu-ids', '9')
  job.process.kill('SIGKILL')
  expect(await waiting.exited).toBe(0)
  await pool.chg('extend', '1h')
  await pool.chg('release')
  await pool.chg('admin', '--gpus', '1', '--force')
  await until('the supervisor has ended the run', () =>
    traced(pool).some(({ operation }) => operation?.op === 'end'),
  )
  const steps = traced(pool).filter(({ kind }) => kind === 'step')
  for (const step of steps) expect(asTraced(replay(step))).toEqual(step.answer)
  const operations = new Set(steps.map(({ operation }) => operation.op))
  for (const op of ['acquire', 'release', 'extend', 'end', 'set-up'] as const)
    expect(operations).toContain(op)
  expect(steps.filter(({ wrote }) => wrote).length).toBeGreaterThan(3)
})

test('an error is traced with its causes, also to stderr', async () => {
  using pool = await testPool(0)
  pool.env.CANHAZGPU_TRACE = 'stderr'
  const release = await pool.chg('release', '--json')
  expect(failureOf(release)).toMatchObject({ status: 1, code: 'pool-not-initialized' })
  const [line = ''] = release.stderr.split('\n')
  expect(JSON.parse(line)).toMatchObject({ kind: 'error', error: [{ code: 'pool-not-initialized' }] })
})

test('a trace that cannot be written gives one warning line, and the command works', async () => {
  using pool = await testPool(1)
  pool.env.CANHAZGPU_TRACE = `${pool.folder}/no/such/folder`
  const reserve = await pool.chg('reserve', '--json')
  expect(reserve.status).toBe(0)
  expect(JSON.parse(reserve.stdout)).toMatchObject({ gpus: [0] })
  expect(warningsOf(reserve)).toMatchObject([
    { code: 'trace-failed', message: expect.stringContaining(pool.env.CANHAZGPU_TRACE) },
  ])
  expect(reserve.stderr.split('\n')).toHaveLength(2)
})
