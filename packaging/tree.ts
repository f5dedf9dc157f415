import { chmodSync, copyFileSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { compile } from '../scripts/build.ts'
import { manPages } from './man-pages.ts'
import { must } from './programs.ts'
import { runtimeOf } from './runtimes.ts'
import type { Target } from './targets.ts'

export const COMPLETIONS = {
  bash: 'share/bash-completion/completions/canhazgpu',
  zsh: 'share/zsh/site-functions/_canhazgpu',
  fish: 'share/fish/vendor_completions.d/canhazgpu.fish',
} as const

export const DOCUMENTS = ['LICENSE', 'README.md', 'CHANGELOG.md'] as const

const MAN_PAGES = 'share/man'

/**
 * Fills a folder with what every package contains: `bin` and `share` as they are below a prefix, and the documents.
 * `time` is the date of the man pages.
 *
 * It has no systemd unit: `service install` writes the unit, moves the pool into the daemon and tells all commands where
 * the daemon is. A unit alone, enabled by hand or by a preset, would lock all users out of the pool that they have.
 */
export async function fillTree(tree: string, target: Target, time: number): Promise<void> {
  mkdirSync(`${tree}/bin`, { recursive: true })
  const executablePath = await runtimeOf(target)
  await compile({ outfile: `${tree}/bin/canhazgpu`, foreign: { target: target.bun, executablePath } })
  for (const [shell, path] of Object.entries(COMPLETIONS)) {
    mkdirSync(dirname(`${tree}/${path}`), { recursive: true })
    await Bun.write(
      `${tree}/${path}`,
      await must(process.execPath, 'src/entries/main.ts', 'completion', shell),
    )
  }
  for (const { path, text } of await manPages(time)) await Bun.write(`${tree}/${MAN_PAGES}/${path}`, text)
  for (const name of DOCUMENTS) copyFileSync(name, `${tree}/${name}`)
  for (const path of filesOf(tree)) chmodSync(`${tree}/${path}`, path.startsWith('bin/') ? 0o755 : 0o644)
}

/** The paths of all files in a folder, sorted. */
export function filesOf(folder: string): readonly string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return names.filter((name) => statSync(`${folder}/${name}`).isFile()).sort()
}
