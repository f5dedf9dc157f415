import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = new URL('../../', import.meta.url).pathname

/** What the build has of its own; all else it shares with this checkout. */
const OWN = ['src', 'dist', '.git']

/**
 * A real build of these sources as a later release might be: its database has one more table. It opens the pools
 * of the present version and upgrades them.
 */
export function buildNewerVersion(): Disposable & { readonly binary: string } {
  const folder = mkdtempSync(join(tmpdir(), 'canhazgpu-newer-'))
  cpSync(`${root}src`, `${folder}/src`, { recursive: true })
  for (const name of readdirSync(root)) {
    if (!OWN.includes(name)) symlinkSync(`${root}${name}`, `${folder}/${name}`)
  }
  mkdirSync(`${folder}/dist`)
  const file = `${folder}/src/adapters/store/schema/migrations.ts`
  const source = readFileSync(file, 'utf8')
  const newer = source.replace(/\n\]\n$/, '\n  `CREATE TABLE of_a_later_release (it TEXT) STRICT`,\n]\n')
  if (newer === source) throw new Error('the migrations cannot be extended any more')
  writeFileSync(file, newer)
  const built = Bun.spawnSync([process.execPath, 'scripts/build.ts'], { cwd: folder })
  const remove = () => rmSync(folder, { recursive: true, force: true })
  if (built.exitCode !== 0) {
    remove()
    throw new Error(`the newer version cannot be built: ${built.stderr}`)
  }
  return {
    binary: `${folder}/dist/canhazgpu`,
    [Symbol.dispose]: remove,
  }
}
