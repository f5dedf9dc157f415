import packageJson from '../../package.json' with { type: 'json' }

const args = process.argv.slice(2)

switch (args[0]) {
  case '--version':
  case '-V':
  case '-v':
    console.log(versionText())
    break
  case '__probe': {
    const { nvmlProbeMain } = await import('../adapters/gpu/nvidia/nvml-child.ts')
    await nvmlProbeMain()
    break
  }
  case '__supervise': {
    const { superviseMain } = await import('./supervisor.ts')
    process.exitCode = await superviseMain(args.slice(1))
    break
  }
  case '__usage': {
    const { usageMain } = await import('./usage-child.ts')
    const { exitNow } = await import('../adapters/kernel/libc.ts')
    exitNow(await usageMain(args[1] ?? '', args[2] ?? ''))
    break
  }
  case '__rejoin': {
    const { commandLineMain } = await import('./command-line.ts')
    const { exitNow } = await import('../adapters/kernel/libc.ts')
    const { decodeRejoin } = await import('./successor.ts')
    exitNow(await commandLineMain(args.slice(2), packageJson.version, decodeRejoin(args[1])))
    break
  }
  default: {
    const machine = await Promise.all([
      import('./command-line.ts'),
      import('../adapters/kernel/libc.ts'),
    ]).catch(runWithoutMachine)
    if (machine !== undefined) {
      const [{ commandLineMain }, { exitNow }] = machine
      exitNow(await commandLineMain(args, packageJson.version))
    }
  }
}

/** Replaced by the build; a checkout that runs without one has none. */
declare const BUILT_FROM: string | undefined

/** `0.1.0 (549d991)`: the version, and the commit that it was built from. */
function versionText(): string {
  const commit = typeof BUILT_FROM === 'string' ? BUILT_FROM : ''
  return commit === '' ? packageJson.version : `${packageJson.version} (${commit})`
}

/** Where the C library cannot be called, `--help` works, and every command fails with the reason. */
async function runWithoutMachine(reason: unknown): Promise<void> {
  const { runProgram } = await import('../cli/program.ts')
  process.exitCode = await runProgram(args, {
    version: packageJson.version,
    stdout: { write: (text) => process.stdout.write(text), terminal: false, color: false },
    stderr: { write: (text) => process.stderr.write(text), terminal: false, color: false },
    open: () => Promise.reject(reason),
  })
}
