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
      const { commandMain } = await import('./command-process.ts')
      await commandMain(args)
    }
  }
}

/** Prints one line for an error that nothing caught; the trace has the details. */
async function reportBug(error: unknown): Promise<void> {
  const { reportDefect } = await import('./command-process.ts')
  process.exit(await reportDefect(error, args))
}
