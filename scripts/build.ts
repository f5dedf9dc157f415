import { chmodSync, rmSync, symlinkSync } from 'node:fs'
import { chunksPlugin } from './chunks.ts'

export interface Compilation {
  readonly outfile: string
  /** Another kind of machine, and the Bun for it. The default is this Bun. */
  readonly foreign?: { readonly target: Bun.Build.CompileTarget; readonly executablePath: string }
}

/** Compiles the executable. It must not load files of Bun (.env, bunfig.toml) from the user's working folder. */
export async function compile({ outfile, foreign }: Compilation): Promise<void> {
  const options = {
    entrypoints: [
      'src/entries/main.ts',
      'src/adapters/daemon/exit-worker.ts',
      'src/adapters/daemon/accept-worker.ts',
    ],
    target: 'bun',
    format: 'esm',
    minify: true,
    // A command loads only the modules that it needs.
    splitting: true,
    define: { BUILT_FROM: JSON.stringify(commit()), BUILT_AT: String(commitTime()) },
  } as const satisfies Bun.BuildConfig
  const built = await Bun.build({
    ...options,
    plugins: [await chunksPlugin(options)],
    bytecode: true,
    compile: {
      outfile,
      ...foreign,
      // Without it, Bun does not start in a deleted working folder.
      execArgv: ['--no-addons'],
      // A short command ends before compiled code pays off, and to start the thread that compiles costs 0.2 ms. So a
      // function is compiled after 20 times as many calls as usual; a long-running process returns to the usual number.
      jitPolicy: 20,
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
  })
  for (const log of built.logs) console.error(log)
  chmodSync(outfile, 0o755)
}

/** When the commit was made, in seconds; 0 outside of git. A clock before it is wrong. */
function commitTime(): number {
  if (Bun.which('git') === null) return 0
  const { stdout } = Bun.spawnSync(['git', 'log', '-1', '--format=%ct'], { stderr: 'ignore' })
  return Number(stdout.toString().trim()) || 0
}

/** The commit of this checkout, marked if files have changed; empty outside of git. */
function commit(): string {
  if (Bun.which('git') === null) return ''
  const { exitCode, stdout } = Bun.spawnSync(['git', 'describe', '--always', '--dirty', '--exclude=*'], {
    stderr: 'ignore',
  })
  return exitCode === 0 ? stdout.toString().trim() : ''
}

/** `npm run build`: the executable `dist/canhazgpu` and its short name `dist/chg`. */
if (import.meta.main) {
  const outfile = 'dist/canhazgpu'
  await compile({ outfile })
  rmSync('dist/chg', { force: true })
  symlinkSync('canhazgpu', 'dist/chg')
  console.log(`built ${outfile}`)
}
