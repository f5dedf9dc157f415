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

/** An executable, by default the one under test, copied to its own folder. */
export function currentBuild(original = binary): Build {
  const folder = newFolder()
  copyFileSync(original, `${folder}/canhazgpu`)
  return { binary: `${folder}/canhazgpu`, [Symbol.dispose]: () => remove(folder) }
}

/** A change of a file of `src`, which must change something. */
export interface SourceChange {
  readonly file: string
  readonly change: (source: string) => string
}

/** One more table in the database, as a later release might have. Such a build upgrades pools of the current version. */
export const NEWER: SourceChange = {
  file: 'adapters/store/schema/migrations.ts',
  change: (source) =>
    source.replace(/\n\]\n$/, '\n  `CREATE TABLE of_a_later_release (text TEXT) STRICT`,\n]\n'),
}

/** A real build of these sources with changes. */
export function buildWith(...changes: readonly SourceChange[]): Build {
  const folder = newFolder()
  cpSync(`${root}src`, `${folder}/src`, { recursive: true })
  for (const { file, change } of changes) {
    const path = `${folder}/src/${file}`
    const source = readFileSync(path, 'utf8')
    const changed = change(source)
    if (changed === source) throw new Error(`${file} has another form now`)
    writeFileSync(path, changed)
  }
  return buildIn(folder)
}

/** A real build of a later version. */
export const buildNewerVersion = (): Build => buildWith(NEWER)

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
