import { mayBeServed } from '../domain/operation/served-command.ts'
import { versionWithCommit } from './version.ts'

const args = process.argv.slice(2)

process.on('uncaughtException', reportBug)
process.on('unhandledRejection', reportBug)

switch (args[0]) {
  case '--version':
  case '-V':
  case '-v':
    console.log(versionWithCommit())
    break
  default: {
    // Only this program starts a process whose first argument begins with `__`.
    if (args[0]?.startsWith('__') === true) {
      const { runProcess } = await import('./process-kind.ts')
      await runProcess(args)
    } else {
      const id = mayBeServed(args) && mayHaveDaemon() ? await performAtDaemon() : undefined
      const { commandMain } = await import('./command-process.ts')
      await commandMain(args, id)
    }
  }
}

/** Without this variable, the configuration of the machine decides. */
function mayHaveDaemon(): boolean {
  const store = process.env.CANHAZGPU_STORE ?? ''
  return store === '' || store.startsWith('unix:')
}

/** Exits if the daemon has performed the command; otherwise returns the id for this process to perform it. */
async function performAtDaemon(): Promise<string> {
  const served = await import('./served-command.ts')
  return served.performAtDaemon(args)
}

/** Prints one line for an error that nothing caught; the trace has the details. */
async function reportBug(error: unknown): Promise<void> {
  const { reportDefect } = await import('./command-process.ts')
  process.exit(await reportDefect(error, args))
}
