import type { CommandName, LoadedCommand, Nameable } from './command.ts'
import { status } from './commands/status.ts'

/** A command in the list. Its module is loaded on first use. */
export interface CommandEntry extends CommandName {
  readonly load: () => Promise<LoadedCommand>
}

/** All commands. The module of each exports it under its name. */
export const COMMANDS: readonly CommandEntry[] = [
  entry('admin', 'Initialize GPU pool for this machine', () => import('./commands/admin.ts')),
  entry('completion', 'Print the completion script for a shell', () => import('./commands/completion.ts')),
  entry('daemon', 'Serve the pool of this machine to all its users', () => import('./commands/daemon.ts')),
  entry(
    'doctor',
    'Examine this machine, and print a remedy for each problem',
    () => import('./commands/doctor.ts'),
  ),
  entry('drain', 'Take GPUs out of service; their holders finish', () => import('./commands/drain.ts')),
  entry('extend', 'Extend your manual reservations by a duration', () => import('./commands/extend.ts')),
  entry('policy', 'Show or change the rules of the pool', () => import('./commands/policy.ts')),
  entry('queue', 'Show the queue of requests for GPUs', () => import('./commands/queue.ts')),
  entry(
    'release',
    'Release all manually reserved GPUs held by the current user',
    () => import('./commands/release.ts'),
  ),
  entry('report', 'Generate GPU usage reports', () => import('./commands/report.ts')),
  entry('reserve', 'Reserve GPUs manually for a specified duration', () => import('./commands/reserve.ts')),
  entry('restore', 'Return drained GPUs to service', () => import('./commands/restore.ts')),
  entry(
    'run',
    'Reserve GPUs and run a command with CUDA_VISIBLE_DEVICES set',
    () => import('./commands/run.ts'),
  ),
  entry('schedule', 'Show bookings, and until when each GPU is free', () => import('./commands/schedule.ts')),
  entry('service', 'Install the daemon as a service, or remove it', () => import('./commands/service.ts')),
  // The most frequent command.
  entry('status', 'Show current GPU allocation status', async () => ({ status })),
  entry('web', 'Start a web server for GPU status monitoring', () => import('./commands/web.ts')),
]

/** What `canhazgpu` alone shows to a person. */
export const OVERVIEW: CommandEntry = entry(
  'overview',
  'Show the pool in short, and the next commands',
  () => import('./commands/overview.ts'),
)

function entry<Name extends string>(
  name: Name,
  summary: string,
  module: () => Promise<Readonly<Record<Name, Nameable>>>,
): CommandEntry {
  return { name, summary, load: async () => (await module())[name].named(name) }
}
