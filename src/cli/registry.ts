import type { Command } from 'commander'
import { addCommand, type CommandName, type Invocation } from './invocation.ts'

/** A command as the list of commands shows it; the rest is loaded when it is typed. */
export interface CommandEntry extends CommandName {
  readonly add: (program: Command, invocation: Invocation) => Promise<void>
}

export const COMMANDS: readonly CommandEntry[] = [
  entry('admin', 'Initialize GPU pool for this machine', async (name, program, invocation) =>
    addCommand(program, name, { spec: (await import('./commands/admin.ts')).admin, invocation }),
  ),
  entry('completion', 'Print the completion script for a shell', async (name, program, invocation) =>
    addCommand(program, name, { spec: (await import('./commands/completion.ts')).completion, invocation }),
  ),
  entry('extend', 'Extend your manual reservations by a duration', async (name, program, invocation) =>
    addCommand(program, name, { spec: (await import('./commands/extend.ts')).extend, invocation }),
  ),
  entry('queue', 'Show who waits in line for GPUs', async (name, program, invocation) =>
    addCommand(program, name, { spec: (await import('./commands/queue.ts')).queue, invocation }),
  ),
  entry(
    'release',
    'Release all manually reserved GPUs held by the current user',
    async (name, program, invocation) =>
      addCommand(program, name, { spec: (await import('./commands/release.ts')).release, invocation }),
  ),
  entry('report', 'Generate GPU usage reports', async (name, program, invocation) =>
    addCommand(program, name, { spec: (await import('./commands/report.ts')).report, invocation }),
  ),
  entry('reserve', 'Reserve GPUs manually for a specified duration', async (name, program, invocation) =>
    addCommand(program, name, { spec: (await import('./commands/reserve.ts')).reserve, invocation }),
  ),
  entry(
    'run',
    'Reserve GPUs and run a command with CUDA_VISIBLE_DEVICES set',
    async (name, program, invocation) =>
      addCommand(program, name, { spec: (await import('./commands/run.ts')).run, invocation }),
  ),
  entry('status', 'Show current GPU allocation status', async (name, program, invocation) =>
    addCommand(program, name, { spec: (await import('./commands/status.ts')).status, invocation }),
  ),
  entry('web', 'Start a web server for GPU status monitoring', async (name, program, invocation) =>
    addCommand(program, name, { spec: (await import('./commands/web.ts')).web, invocation }),
  ),
]

function entry(
  name: string,
  summary: string,
  add: (name: CommandName, program: Command, invocation: Invocation) => Promise<void>,
): CommandEntry {
  return { name, summary, add: (program, invocation) => add({ name, summary }, program, invocation) }
}
