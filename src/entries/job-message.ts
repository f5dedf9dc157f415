import { write } from '../adapters/kernel/libc/descriptors.ts'
import { effectiveUid, takeRightsOf } from '../adapters/kernel/libc/rights.ts'
import { visibilityHere } from '../adapters/kernel/processes.ts'
import { watchProcess } from '../adapters/kernel/wait.ts'
import type { ProcessIdentity } from '../domain/pool/model.ts'
import { openCommandStderr } from './command-stderr.ts'

const STDOUT = 1

/** The whole input of the process that writes a message. It needs no check: a daemon of the same version wrote it. */
export interface MessageTask {
  readonly process: ProcessIdentity
  /** The account of the job. */
  readonly uid: number
  readonly gid: number
  /** The file of its standard error when its GPUs were granted. */
  readonly stderr: string | null
  readonly line: string
}

/**
 * Writes a line to the standard error of a command: `canhazgpu __tell <task>`, started by the daemon. Writes a byte to its
 * own standard output when it has that file open. Everything after this may block for ever, because the account of the
 * job may have made the file system.
 */
export function tellMain(text: string): void {
  const task = JSON.parse(text) as MessageTask
  const command = watchProcess(task.process)
  if (visibilityHere(task.process) === 'absent') return
  const writeLine = openCommandStderr(command, task.stderr)
  write(STDOUT, new Uint8Array([0]))
  if (task.uid !== effectiveUid()) takeRightsOf(task.uid, task.gid)
  writeLine(task.line)
}
