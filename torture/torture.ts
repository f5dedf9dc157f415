import { cpSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Judgement, judge } from './check/checker.ts'
import { readEvidence } from './check/evidence.ts'
import { play } from './play.ts'
import type { Cast } from './script.ts'
import { setStage } from './stage.ts'
import { type Tally, tallyOf } from './tally.ts'

export interface Torture extends Cast {
  readonly seed: number
  readonly seconds: number
  /** Where the logs shall stay, whatever the judgement. */
  readonly keep?: string | undefined
  /** Asked now and then. */
  readonly isStopped?: () => boolean
}

export interface Tortured {
  readonly seed: number
  readonly judgement: Judgement
  readonly tally: Tally
  /** The folder with logs and store. */
  readonly kept: string | undefined
}

/**
 * One play from its first command to its judgement. Logs and store stay where something was violated. Null where it
 * was stopped: whoever did that may have stopped its processes too, so there is nothing to be judged.
 */
export async function torture(options: Torture): Promise<Tortured | null> {
  const { seed, keep, isStopped = () => false } = options
  await using stage = await setStage(options)
  const { folder } = stage.pool
  await play(stage, { ...options, isStopped })
  if (isStopped()) return null
  const evidence = readEvidence(folder)
  const judgement = judge(evidence)
  const kept = keep ?? (judgement.violations.length === 0 ? undefined : keptFolder(seed))
  if (kept !== undefined) copyTo(folder, kept)
  return { seed, judgement, tally: tallyOf(evidence), kept }
}

const keptFolder = (seed: number): string => join(tmpdir(), `canhazgpu-torture-${seed}-${process.pid}`)

function copyTo(folder: string, kept: string): void {
  rmSync(kept, { recursive: true, force: true })
  cpSync(folder, kept, { recursive: true })
}
