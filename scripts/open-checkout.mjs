import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { root } from './bun.mjs'

/**
 * A checkout that other users can read: as root the tests run programs of the checkout as other users. A checkout in a
 * closed folder, such as /root, is copied to a temporary one, which is removed when this process exits.
 */
export function openCheckout() {
  if (process.getuid?.() !== 0 || isOpen(root)) return root
  const copy = mkdtempSync(join(tmpdir(), 'canhazgpu-checkout-'))
  process.on('exit', () => rmSync(copy, { recursive: true, force: true }))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1))
  run('cp', '-a', `${root}/.`, copy)
  run('chmod', '-R', 'a+rX', copy)
  return copy
}

/** Whether every user may enter the folder and all folders above it. */
function isOpen(folder) {
  const { mode } = statSync(folder)
  const mayEnter = (mode & 0o001) !== 0
  return mayEnter && (folder === '/' || isOpen(dirname(folder)))
}

function run(command, ...args) {
  const { status } = spawnSync(command, args, { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
