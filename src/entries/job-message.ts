import { becomeAccount, effectiveUid } from '../adapters/kernel/libc.ts'
import { visibilityHere } from '../adapters/kernel/processes.ts'
import { watchProcess } from '../adapters/kernel/wait.ts'
import type { ProcessIdentity } from '../domain/pool/model.ts'
import { openCommandStderr } from './command-stderr.ts'

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

/** Writes a line to the standard error of a command: `canhazgpu __tell <task>`, started by the daemon. */
export function tellMain(text: string): void {
  const task = JSON.parse(text) as MessageTask
  const command = watchProcess(task.process)
  if (visibilityHere(task.process) === 'absent') return
  const stderr = openCommandStderr(command, task.stderr)
  if (task.uid !== effectiveUid()) becomeAccount(task.uid, task.gid)
  stderr.write(task.line)
}
