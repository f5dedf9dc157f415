import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { root, runBun } from './bun.mjs'

const SOURCES = ['src', 'docs', 'README.md', 'package.json', 'package-lock.json', 'scripts/build.ts']

/** `dist/canhazgpu`, built first where it is missing or older than what it is made of. */
export function executable() {
  const path = join(root, 'dist/canhazgpu')
  const builtAt = changedAt(path)
  if (SOURCES.some((source) => newestIn(join(root, source)) > builtAt)) build()
  return path
}

/** Ends this process where the build fails. */
function build() {
  const status = runBun('scripts/build.ts')
  if (status !== 0) process.exit(status)
}

/** A folder counts too: its time changes when a file is removed. */
function newestIn(path) {
  if (!statSync(path).isDirectory()) return changedAt(path)
  return Math.max(changedAt(path), ...readdirSync(path).map((name) => newestIn(join(path, name))))
}

function changedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}
