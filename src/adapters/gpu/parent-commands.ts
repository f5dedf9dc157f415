import { modelIn } from '../../domain/text/ai-model.ts'
import { commandLineOf, statusTextOf } from './process-files.ts'

/** vLLM's workers are children of its engine, which is a child of the server that names the model. */
const MOST_PARENTS = 3

/** Programs in which a person types commands. A model that a parent of such a program names is not used by the command. */
const SHELL = /^-?(ba|da|z|k|mk|fi|c|tc)?sh$|^(tmux|screen|sshd|login|systemd)\b/

/**
 * Command lines of the parents of a process, nearest first, up to one that names a model. None if the process names one
 * itself. Only parents of the same user count. The search ends at a shell.
 */
export async function parentCommands(own: string, status: string): Promise<readonly string[]> {
  const commands: string[] = []
  const uid = uidIn(status)
  let child = status
  while (commands.length < MOST_PARENTS && modelIn(commands.at(-1) ?? own) === undefined) {
    const parent = Number(/^PPid:\t(\d+)$/m.exec(child)?.[1] ?? 0)
    const next = parent > 1 ? await statusTextOf(parent) : undefined
    if (next === undefined || uidIn(next) !== uid || SHELL.test(nameIn(next))) break
    commands.push((await commandLineOf(parent))?.join(' ').trim() ?? '')
    child = next
  }
  return commands.some((command) => modelIn(command) !== undefined) ? commands : []
}

const uidIn = (status: string): string | undefined => /^Uid:\t\d+\t(\d+)/m.exec(status)?.[1]

const nameIn = (status: string): string => /^Name:\t(.+)$/m.exec(status)?.[1] ?? ''
