import { cpSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PoolSize } from './actions.ts'
import { type CheckResult, checkEvidence } from './check/checker.ts'
import { readEvidence } from './check/evidence.ts'
import { setUp } from './setup.ts'
import { type Tally, tallyOf } from './tally.ts'
import { runWorkload } from './workload.ts'

export interface Torture extends PoolSize {
  readonly seed: number
  readonly seconds: number
  /** The pool is served by a daemon, which is killed too. */
  readonly daemon: boolean
  /** Folder in which logs and store are kept, whatever the result. */
  readonly keep?: string | undefined
  /** Called before every action. */
  readonly isStopped?: () => boolean
}

export interface TortureResult {
  readonly seed: number
  readonly result: CheckResult
  readonly tally: Tally
  /** Folder with logs and store; undefined if they were removed. */
  readonly kept: string | undefined
}

/**
 * Runs one round and checks it. Logs and store are kept after a violation. Null after an interrupt: the signal may have
 * ended commands of the round too, so there is nothing to check.
 */
export async function torture(options: Torture): Promise<TortureResult | null> {
  const { seed, keep, isStopped = () => false } = options
  await using setup = await setUp(options)
  const { folder } = setup.pool
  await runWorkload(setup, { ...options, isStopped })
  if (isStopped()) return null
  const evidence = readEvidence(setup.pool)
  const result = checkEvidence(evidence)
  const kept = keep ?? (result.violations.length === 0 ? undefined : keptFolder(seed))
  if (kept !== undefined) copyTo(folder, kept)
  return { seed, result, tally: tallyOf(evidence), kept }
}

const keptFolder = (seed: number): string => join(tmpdir(), `canhazgpu-torture-${seed}-${process.pid}`)

function copyTo(folder: string, kept: string): void {
  rmSync(kept, { recursive: true, force: true })
  cpSync(folder, kept, { recursive: true })
}
