import { chmodSync, rmSync, symlinkSync } from 'node:fs'

/**
 * Builds the executable `dist/canhazgpu` and its short name `dist/chg`. The executable must not load files of Bun (.env,
 * bunfig.toml) from the user's working folder.
 */
const outfile = 'dist/canhazgpu'
const built = await Bun.build({
  entrypoints: [
    'src/entries/main.ts',
    'src/adapters/daemon/exit-worker.ts',
    'src/adapters/daemon/accept-worker.ts',
  ],
  target: 'bun',
  format: 'esm',
  minify: true,
  bytecode: true,
  // A command loads only the modules that it needs.
  splitting: true,
  define: { BUILT_FROM: JSON.stringify(commit()) },
  compile: {
    outfile,
    // Without it, Bun does not start in a deleted working folder.
    execArgv: ['--no-addons'],
    autoloadDotenv: false,
    autoloadBunfig: false,
    autoloadTsconfig: false,
    autoloadPackageJson: false,
  },
})
for (const log of built.logs) console.error(log)
if (!built.success) process.exit(1)
chmodSync(outfile, 0o755)
rmSync('dist/chg', { force: true })
symlinkSync('canhazgpu', 'dist/chg')
console.log(`built ${outfile}`)

/** The commit of this checkout, marked if files have changed; empty outside of git. */
function commit(): string {
  if (Bun.which('git') === null) return ''
  const { exitCode, stdout } = Bun.spawnSync(['git', 'describe', '--always', '--dirty', '--exclude=*'], {
    stderr: 'ignore',
  })
  return exitCode === 0 ? stdout.toString().trim() : ''
}
