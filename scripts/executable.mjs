import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { root, runBun } from './bun.mjs'

const SOURCES = ['src', 'docs', 'README.md', 'package.json', 'package-lock.json', 'scripts/build.ts']

/** `dist/canhazgpu`, built first if it is missing or older than its sources. */
export function executable() {
  const path = join(root, 'dist/canhazgpu')
  const builtAt = changedAt(path)
  if (SOURCES.some((source) => newestIn(join(root, source)) > builtAt)) build()
  return path
}

/** Exits if the build fails. */
function build() {
  const status = runBun('scripts/build.ts')
  if (status !== 0) process.exit(status)
}

/** Folders count too: a folder's time changes when a file in it is removed. */
function newestIn(path) {
  if (!statSync(path).isDirectory()) return changedAt(path)
  return Math.max(changedAt(path), ...readdirSync(path).map((name) => newestIn(join(path, name))))
}

function changedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}
