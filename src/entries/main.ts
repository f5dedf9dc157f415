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
    const { runProcess } = await import('./process-kind.ts')
    await runProcess(args)
  }
}

/** Prints one line for an error that nothing caught; the trace has the details. */
async function reportBug(error: unknown): Promise<void> {
  const { reportDefect } = await import('./process-kind.ts')
  process.exit(await reportDefect(error, args))
}
