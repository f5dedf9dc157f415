import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the project. Every script runs there, whatever the working folder of its caller. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)))

const PLACES = [
  'node_modules/bun/bin/bun.exe',
  // If npm skips install scripts, Bun is not in its usual place.
  `node_modules/@oven/bun-${process.platform}-${archName()}/bin/bun`,
  `node_modules/@oven/bun-${process.platform}-${archName()}-musl/bin/bun`,
]

/** The pinned Bun that npm installed. Without one, prints the remedy and exits. */
export function bun() {
  const found = PLACES.map((place) => join(root, place)).find(works)
  if (found !== undefined) return found
  console.error(
    existsSync(join(root, 'node_modules'))
      ? `Bun does not work on this machine (${process.platform}, ${process.arch}). Try again with: npm install --foreground-scripts`
      : 'The dependencies are not installed yet. Install them with: npm install',
  )
  process.exit(1)
}

/** Runs Bun in the project's folder with our terminal; returns its exit status. */
export function runBun(...args) {
  return spawnSync(bun(), args, { cwd: root, stdio: 'inherit' }).status ?? 1
}

function works(path) {
  return existsSync(path) && spawnSync(path, ['--version'], { stdio: 'ignore' }).status === 0
}

function archName() {
  return process.arch === 'arm64' ? 'aarch64' : process.arch
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exit(runBun(...process.argv.slice(2)))
