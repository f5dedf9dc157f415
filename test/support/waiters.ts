import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import type { QueueEntry } from '../../src/domain/pool/model.ts'
import { gpuNumber, unitsOf } from '../../src/domain/pool/units.ts'
import type { WaitingDocument } from '../../src/views/schemas/queue.ts'
import { storedPool } from './database.ts'
import { type Failure, failureOf } from './failure.ts'
import { child } from './job.ts'
import type { Child, TestPool } from './pool.ts'
import { until } from './until.ts'

/** A process that waits in the queue, or waited there before. */
export interface Waiter {
  readonly process: Child
  readonly pid: number
  /** The id of its queue entry and of its later reservation. */
  readonly id: string
  /** Its stderr so far. */
  readonly stderr: () => string
  /** Exit status, after the process has ended and all its output was read. */
  readonly ended: () => Promise<number>
}

/** The stored queue, including waiters that are gone. */
export const storedQueue = (pool: TestPool): readonly QueueEntry[] => storedPool(pool).queue

/** Starts one command with `--wait` and returns when it is in the queue. */
export async function wait(pool: TestPool, ...args: string[]): Promise<Waiter> {
  const process = pool.start(...args)
  let stderr = ''
  const read = (async () => {
    const decoder = new TextDecoder()
    for await (const bytes of process.stderr) stderr += decoder.decode(bytes, { stream: true })
  })()
  const entry = await until(`'${args.join(' ')}' is in the queue`, () => {
    if (process.exitCode !== null) throw new Error(`it ended with ${process.exitCode}: ${stderr}`)
    return storedQueue(pool).find((each) => each.process.pid === process.pid) ?? null
  })
  const ended = async () => {
    await read
    return process.exited
  }
  return { process, pid: process.pid, id: entry.id, stderr: () => stderr, ended }
}

/** A `run --wait` for a command that does nothing until it is killed. */
export const waitToRun = (pool: TestPool, ...options: string[]): Promise<Waiter> =>
  wait(pool, 'run', '--wait', ...options, '--', child('forever'))

type Progress = WaitingDocument['waiting']

/** All progress that a waiter with `--json` has printed so far. */
export function progressOf({ stderr }: Pick<Waiter, 'stderr'>): readonly Progress[] {
  const complete = stderr().split('\n').slice(0, -1)
  return complete
    .filter((line) => line.startsWith('{"waiting"'))
    .map((line): Progress => JSON.parse(line).waiting)
}

/** Waits until the last progress of a waiter with `--json` has these facts; returns that progress. */
export const untilProgress = (waiter: Waiter, facts: object): Promise<Progress> =>
  until(`the progress is ${JSON.stringify(facts)}`, () => {
    const last = progressOf(waiter).at(-1)
    return last !== undefined && Bun.deepMatch(facts, last) ? last : null
  }).catch((error) => {
    throw new Error(`${error.message}; it printed ${waiter.stderr()}`)
  })

/** The failure of a waiter with `--json`, after it has ended. */
export async function failureAtEnd(waiter: Waiter): Promise<Failure> {
  const status = await waiter.ended()
  return failureOf({ status, stdout: '', stderr: waiter.stderr() })
}

/** Waits until it has its GPUs; returns their numbers. */
export async function untilServed(pool: TestPool, { id }: Pick<Waiter, 'id'>): Promise<readonly number[]> {
  const held = await until(
    `${id} has its GPUs`,
    () => storedPool(pool).reservations.find((each) => each.id === id) ?? null,
  )
  return unitsOf(held).map(gpuNumber)
}

/** Reserves GPUs manually, so that other commands must wait. */
export async function hold(pool: TestPool, ...options: string[]): Promise<void> {
  const { status, stderr } = await pool.chg('reserve', ...options)
  if (status !== 0) throw new Error(`reserve ${options.join(' ')}: ${stderr}`)
}

/** A run according to its own log: its GPUs, and its start and end in time since boot. */
export interface LoggedRun {
  readonly id: string
  readonly gpus: readonly number[]
  readonly from: number
  readonly to: number
}

/** A command that writes its own log. All processes read the same clock: `/proc/uptime`, in hundredths of a second. */
export const LOGGED_COMMAND = [
  'sh',
  '-c',
  'read from rest < /proc/uptime; i=0; while [ $i -lt 500 ]; do i=$((i+1)); done; read to rest < /proc/uptime; ' +
    'echo "$CUDA_VISIBLE_DEVICES $from $to" > "log/$CANHAZGPU_RESERVATION"',
]

export const prepareLogs = (pool: TestPool): void => mkdirSync(`${pool.folder}/log`)

export function loggedRuns(pool: TestPool): LoggedRun[] {
  return readdirSync(`${pool.folder}/log`).map((id) => {
    const [gpus = '', from, to] = readFileSync(`${pool.folder}/log/${id}`, 'utf8').trim().split(' ')
    return { id, gpus: gpus.split(',').map(Number), from: Number(from), to: Number(to) }
  })
}
