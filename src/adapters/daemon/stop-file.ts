import { mkdirSync, readdirSync, readFileSync, unlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Millis, ProcessIdentity } from '../../domain/pool/model.ts'
import * as libc from '../kernel/libc.ts'
import { processStat } from '../kernel/processes.ts'

/**
 * A file for each job that is being stopped at its time limit. The stopper locks it while it runs, and writes the time
 * of the SIGINT into it. A restarted daemon therefore sends no second SIGINT, and knows when the grace period ends.
 */
export function stopFileOf(database: string, { pid, startTime }: ProcessIdentity): string {
  return `${folderFor(database)}/${pid}-${startTime}`
}

const folderFor = (database: string): string => `${dirname(database)}/stops`

/** Creates the folder of these files, and removes those of jobs that ended while no daemon ran. */
export function prepareStopFiles(database: string): void {
  const folder = folderFor(database)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  for (const name of readdirSync(folder)) {
    const [pid, startTime] = name.split('-').map(Number)
    if (processStat(pid ?? 0)?.startTime !== startTime) removeStopFile(`${folder}/${name}`)
  }
}

export function removeStopFile(file: string): void {
  try {
    unlinkSync(file)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
}

/** The open file of one job. */
export interface StopFile {
  /** Whether this process is now the only stopper of the job. The lock lasts until it exits. */
  tryLock(): boolean
  /** Steady time of the SIGINT by this or an earlier stopper; null if there was none. */
  interruptedAt(): Millis | null
  noteInterrupt(at: Millis): void
}

/** Null if the file cannot be created, for example on a full disk: the limit is enforced anyway. */
export function openStopFile(path: string): StopFile | null {
  const fd = libc.createFile(path, 0o600)
  if (fd < 0) return null
  return {
    tryLock: () => libc.lockExclusive(fd) >= 0,
    interruptedAt: () => {
      const text = readFileSync(fd, 'utf8')
      return text === '' ? null : Number(text)
    },
    noteInterrupt: (at) => void libc.write(fd, new TextEncoder().encode(String(at))),
  }
}
