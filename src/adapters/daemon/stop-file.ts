import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Millis, ProcessIdentity } from '../../domain/pool/model.ts'
import { processStat } from '../kernel/processes.ts'

/**
 * The times at which jobs were interrupted at their time limit, in a file for each job that only the daemon can open. A
 * restarted daemon therefore sends no second SIGINT, and knows when the grace period ends.
 */
export interface StopFiles {
  /** Steady time of the SIGINT by this or an earlier daemon; null if there was none. */
  read(process: ProcessIdentity): Millis | null
  /** False if the file cannot be written, for example on a full disk. */
  note(process: ProcessIdentity, at: Millis): boolean
  forget(process: ProcessIdentity): void
}

export function openStopFiles(database: string): StopFiles {
  const folder = `${dirname(database)}/stops`
  const fileOf = ({ pid, startTime }: ProcessIdentity): string => `${folder}/${pid}-${startTime}`
  removeOld(folder)
  return {
    read: (process) => numberIn(fileOf(process)),
    note(process, at) {
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 })
        writeFileSync(fileOf(process), `${at}\n`, { mode: 0o600 })
        return true
      } catch {
        return false
      }
    },
    forget: (process) => rmSync(fileOf(process), { force: true }),
  }
}

/** Removes the files of jobs that ended while no daemon ran. */
function removeOld(folder: string): void {
  for (const name of namesIn(folder)) {
    const [pid, startTime] = name.split('-').map(Number)
    if (processStat(pid ?? 0)?.startTime !== startTime) rmSync(`${folder}/${name}`, { force: true })
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** Null if there is no file, or only the beginning of one. */
function numberIn(file: string): number | null {
  try {
    const text = readFileSync(file, 'utf8')
    return text.endsWith('\n') ? Number(text) : null
  } catch {
    return null
  }
}
