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
  /** Where logs and store are kept, whatever the result. */
  readonly keep?: string | undefined
  /** Asked before every action. */
  readonly isStopped?: () => boolean
}

export interface TortureResult {
  readonly seed: number
  readonly result: CheckResult
  readonly tally: Tally
  /** The folder with logs and store. */
  readonly kept: string | undefined
}

/**
 * One round from its first command to its result. Logs and store are kept after a violation. Null after an
 * interruption: the signal may have stopped commands of the round too, so there is nothing to check.
 */
export async function torture(options: Torture): Promise<TortureResult | null> {
  const { seed, keep, isStopped = () => false } = options
  await using setup = await setUp(options)
  const { folder } = setup.pool
  await runWorkload(setup, { ...options, isStopped })
  if (isStopped()) return null
  const evidence = readEvidence(folder)
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
