/**
 * The browser's part of the dashboard as text, ready to be sent. Runs as a macro: when the executable is
 * built or, from source, when the module that imports it is loaded.
 */
export function bundleClient(): { readonly script: string; readonly style: string; readonly boot: string } {
  return {
    script: bundled('client/main.tsx'),
    style: bundled('client/style/main.css'),
    boot: bundled('client/boot.ts'),
  }
}

function bundled(file: string): string {
  const path = new URL(file, import.meta.url).pathname
  const build = [process.execPath, 'build', path, '--target=browser', '--minify', '--production']
  const { exitCode, stdout, stderr } = Bun.spawnSync(build)
  if (exitCode !== 0) throw new Error(`cannot bundle ${file}: ${stderr.toString()}`)
  return stdout.toString()
}
