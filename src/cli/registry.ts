import { type CommandName, type LoadedCommand, loadedCommand } from './invocation.ts'

/** A command as the list of commands shows it; the rest is loaded when it is typed. */
export interface CommandEntry extends CommandName {
  readonly load: () => Promise<LoadedCommand>
}

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'admin',
    summary: 'Initialize GPU pool for this machine',
    load: async () => loadedCommand('admin', (await import('./commands/admin.ts')).admin),
  },
  {
    name: 'completion',
    summary: 'Print the completion script for a shell',
    load: async () => loadedCommand('completion', (await import('./commands/completion.ts')).completion),
  },
  {
    name: 'extend',
    summary: 'Extend your manual reservations by a duration',
    load: async () => loadedCommand('extend', (await import('./commands/extend.ts')).extend),
  },
  {
    name: 'queue',
    summary: 'Show who waits in line for GPUs',
    load: async () => loadedCommand('queue', (await import('./commands/queue.ts')).queue),
  },
  {
    name: 'release',
    summary: 'Release all manually reserved GPUs held by the current user',
    load: async () => loadedCommand('release', (await import('./commands/release.ts')).release),
  },
  {
    name: 'report',
    summary: 'Generate GPU usage reports',
    load: async () => loadedCommand('report', (await import('./commands/report.ts')).report),
  },
  {
    name: 'reserve',
    summary: 'Reserve GPUs manually for a specified duration',
    load: async () => loadedCommand('reserve', (await import('./commands/reserve.ts')).reserve),
  },
  {
    name: 'run',
    summary: 'Reserve GPUs and run a command with CUDA_VISIBLE_DEVICES set',
    load: async () => loadedCommand('run', (await import('./commands/run.ts')).run),
  },
  {
    name: 'status',
    summary: 'Show current GPU allocation status',
    load: async () => loadedCommand('status', (await import('./commands/status.ts')).status),
  },
  {
    name: 'web',
    summary: 'Start a web server for GPU status monitoring',
    load: async () => loadedCommand('web', (await import('./commands/web.ts')).web),
  },
]
