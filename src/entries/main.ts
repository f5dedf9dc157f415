import { VERSION, versionWithCommit } from './version.ts'

const args = process.argv.slice(2)

process.on('uncaughtException', reportBug)
process.on('unhandledRejection', reportBug)

switch (args[0]) {
  case '--version':
  case '-V':
  case '-v':
    console.log(versionWithCommit())
    break
  case '__probe': {
    const { nvmlProbeMain } = await import('../adapters/gpu/nvidia/nvml-child.ts')
    await nvmlProbeMain()
    break
  }
  case '__probes': {
    const { nvmlProbesMain } = await import('../adapters/gpu/nvidia/nvml-probes.ts')
    const { exitNow } = await import('../adapters/kernel/libc.ts')
    await nvmlProbesMain()
    exitNow(0)
    break
  }
  case '__supervise': {
    const { superviseMain } = await import('./supervisor.ts')
    process.exitCode = await superviseMain(args.slice(1))
    break
  }
  case '__stop': {
    const { stopMain } = await import('./job-stopper.ts')
    await stopMain(args[1] ?? '')
    break
  }
  case '__tell': {
    const { tellMain } = await import('./job-message.ts')
    tellMain(args[1] ?? '')
    break
  }
  case '__usage': {
    const { usageMain } = await import('./usage-child.ts')
    const { exitNow } = await import('../adapters/kernel/libc.ts')
    exitNow(await usageMain(args[1] ?? '', args[2] ?? ''))
    break
  }
  case '__history': {
    const { historyMain } = await import('./history-child.ts')
    const { exitNow } = await import('../adapters/kernel/libc.ts')
    exitNow(await historyMain(args[1] ?? '', args[2] ?? ''))
    break
  }
  case '__rejoin': {
    const { commandLineMain } = await import('./command-line.ts')
    const { exitNow } = await import('../adapters/kernel/libc.ts')
    const { decodeRejoin } = await import('./successor.ts')
    exitNow(await commandLineMain(args.slice(2), decodeRejoin(args[1])))
    break
  }
  default: {
    const machine = await Promise.all([
      import('./command-line.ts'),
      import('../adapters/kernel/libc.ts'),
    ]).catch(runWithoutMachine)
    if (machine !== undefined) {
      const [{ commandLineMain }, { exitNow }] = machine
      exitNow(await commandLineMain(args))
    }
  }
}

const NO_TERMINAL = { terminal: false, color: false, columns: Number.POSITIVE_INFINITY } as const

/** If the C library cannot be called, `--help` works, and every command fails with the reason. */
async function runWithoutMachine(reason: unknown): Promise<void> {
  const { runProgram } = await import('../cli/program.ts')
  process.exitCode = await runProgram(args, {
    version: VERSION,
    stdout: { write: (text) => process.stdout.write(text), ...NO_TERMINAL },
    stderr: { write: (text) => process.stderr.write(text), ...NO_TERMINAL },
    open: () => Promise.reject(reason),
  })
}

/** Prints one line for an error that nothing caught; the trace has the details. */
async function reportBug(error: unknown): Promise<void> {
  const { reportDefect } = await import('./defects.ts')
  process.exit(await reportDefect(error, args))
}
