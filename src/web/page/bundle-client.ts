import { readFileSync } from 'node:fs'
import { repositoryUrl } from '../docs/repository.ts'

/**
 * The bundled client of the dashboard. A macro: it runs when the executable is built or, when canhazgpu runs from
 * source, when the importing module is loaded.
 */
export function bundleClient(): ClientBundle {
  return {
    script: bundled('../client/main.tsx'),
    style: bundled('../client/style/main.css'),
    docsStyle: bundled('../client/style/docs.css'),
    boot: bundled('../client/boot.ts'),
    repository: repositoryUrl(
      JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')),
    ),
  }
}

interface ClientBundle {
  readonly script: string
  readonly style: string
  readonly docsStyle: string
  readonly boot: string
  /** The URL of the repository in package.json; null if it names none. */
  readonly repository: string | null
}

function bundled(file: string): string {
  const path = new URL(file, import.meta.url).pathname
  const build = [process.execPath, 'build', path, '--target=browser', '--minify', '--production']
  const { exitCode, stdout, stderr } = Bun.spawnSync(build)
  if (exitCode !== 0) throw new Error(`cannot bundle ${file}: ${stderr.toString()}`)
  return stdout.toString()
}
