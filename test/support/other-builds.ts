import {
  chmodSync,
  copyFileSync,
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
import { brotliDecompressSync } from 'node:zlib'
import { binary } from './pool.ts'

const root = new URL('../../', import.meta.url).pathname

/** An executable in its own folder, which every user can reach. */
export interface Build extends Disposable {
  readonly binary: string
}

/** The executable under test, copied to its own folder. */
export function currentBuild(): Build {
  const folder = newFolder()
  copyFileSync(binary, `${folder}/canhazgpu`)
  return { binary: `${folder}/canhazgpu`, [Symbol.dispose]: () => remove(folder) }
}

/**
 * A real build of these sources with one more table in its database, as a later release might have. It opens pools of the
 * current version and upgrades them.
 */
export function buildNewerVersion(): Build {
  const folder = newFolder()
  cpSync(`${root}src`, `${folder}/src`, { recursive: true })
  const file = `${folder}/src/adapters/store/schema/migrations.ts`
  const source = readFileSync(file, 'utf8')
  const newer = source.replace(/\n\]\n$/, '\n  `CREATE TABLE of_a_later_release (text TEXT) STRICT`,\n]\n')
  if (newer === source) throw new Error('the list of migrations has another form now')
  writeFileSync(file, newer)
  return buildIn(folder)
}

/** A real build of the previous release. The current version upgrades its pools. */
export async function buildPreviousVersion(): Promise<Build> {
  const folder = newFolder()
  const archive = readFileSync(`${root}test/fixtures/previous-release.tar.br`)
  await new Bun.Archive(brotliDecompressSync(archive)).extract(folder)
  return buildIn(folder)
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'canhazgpu-build-'))
  chmodSync(folder, 0o755)
  return folder
}

/** Builds in the folder. Files that it lacks are links to this checkout. */
function buildIn(folder: string): Build {
  mkdirSync(`${folder}/dist`)
  const own = [...readdirSync(folder), '.git']
  for (const name of readdirSync(root)) {
    if (!own.includes(name)) symlinkSync(`${root}${name}`, `${folder}/${name}`)
  }
  const built = Bun.spawnSync([process.execPath, 'scripts/build.ts'], { cwd: folder })
  if (built.exitCode !== 0) {
    remove(folder)
    throw new Error(`the other version cannot be built: ${built.stderr}`)
  }
  return { binary: `${folder}/dist/canhazgpu`, [Symbol.dispose]: () => remove(folder) }
}

const remove = (folder: string) => rmSync(folder, { recursive: true, force: true })
