import { chmodSync, rmSync, symlinkSync } from 'node:fs'

/**
 * Builds the one executable, `dist/canhazgpu`, and its short name `dist/chg`. What Bun would load from the
 * working directory of whoever types the command (.env, bunfig.toml) must not reach it.
 */
const outfile = 'dist/canhazgpu'
const built = await Bun.build({
  entrypoints: ['src/entries/main.ts'],
  target: 'bun',
  format: 'esm',
  minify: true,
  bytecode: true,
  // So that a command loads what it needs and no more.
  splitting: true,
  define: { BUILT_FROM: JSON.stringify(commit()) },
  compile: {
    outfile,
    // Without it, Bun refuses to start in a working folder that was deleted.
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

/** The commit of this checkout, marked where it was changed since; empty outside of git. */
function commit(): string {
  if (Bun.which('git') === null) return ''
  const { exitCode, stdout } = Bun.spawnSync(['git', 'describe', '--always', '--dirty', '--exclude=*'], {
    stderr: 'ignore',
  })
  return exitCode === 0 ? stdout.toString().trim() : ''
}
