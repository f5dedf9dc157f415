import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import manifest from '../package.json'
import { Progress } from '../scripts/progress.ts'
import { archive } from './archive.ts'
import { must } from './programs.ts'
import { type Format, systemPackage } from './system-packages.ts'
import { TARGETS } from './targets.ts'
import { fillTree } from './tree.ts'

/**
 * `npm run package`: makes the packages in `dist/packages`, with their checksums and `install.sh`. With `--quick` it
 * makes packages for tests, with little compression, in `dist/packages-for-tests`. A second run in the same checkout
 * makes the same bytes.
 */
export interface Packing {
  /** The folder of files to pack; its name is that of the archive. */
  readonly tree: string
  /** The folder of the packages. */
  readonly out: string
  /** The time of every packed file, in Unix seconds. */
  readonly time: number
  readonly isQuick: boolean
}

const FORMATS: readonly Format[] = ['deb', 'rpm']

const PROGRAMS = ['npm', 'tar', 'gzip', 'go']

try {
  const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } })
  const missing = PROGRAMS.filter((program) => Bun.which(program) === null)
  if (missing.length > 0) throw new Error(`not installed: ${missing.join(', ')}`)
  await makePackages(resolve(values.quick ? 'dist/packages-for-tests' : 'dist/packages'), values.quick)
} catch (error) {
  console.error(`\nError: ${error instanceof Error ? error.message : error}`)
  process.exit(1)
}

async function makePackages(out: string, isQuick: boolean): Promise<void> {
  const time = await timeOfSources()
  const trees = `${out}/trees`
  rmSync(out, { recursive: true, force: true })
  mkdirSync(trees, { recursive: true })
  const packings = TARGETS.map((target) => {
    const tree = `${trees}/canhazgpu-${manifest.version}-${target.name}`
    return { target, packing: { tree, out, time, isQuick } }
  })
  const packages = packings.flatMap(({ target: { name, goArch }, packing }) => [
    { name: `${name}.tar.gz`, make: () => archive(packing) },
    ...(goArch === undefined ? [] : FORMATS).map((format) => ({
      name: `${name}.${format}`,
      make: () => systemPackage(format, goArch ?? '', packing),
    })),
  ])
  const progress = new Progress(packings.length + packages.length)
  for (const { target, packing } of packings) {
    await progress.step(`compile for ${target.name}`, () => fillTree(packing.tree, target, time))
  }
  const pack = async () => {
    for (let each = packages.shift(); each !== undefined; each = packages.shift()) {
      await progress.step(`pack ${each.name}`, each.make)
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, pack))
  rmSync(trees, { recursive: true })
  copyFileSync('packaging/install.sh', `${out}/install.sh`)
  writeChecksums(out)
  console.log(`packages in ${out}`)
}

/** SOURCE_DATE_EPOCH, or the time of the commit. */
async function timeOfSources(): Promise<number> {
  const given = process.env.SOURCE_DATE_EPOCH
  const seconds = Number(given ?? (await must('git', 'log', '-1', '--format=%ct')))
  if (Number.isSafeInteger(seconds) && seconds >= 0) return seconds
  throw new Error(`SOURCE_DATE_EPOCH is '${given}', expected Unix seconds`)
}

/** In the format of `sha256sum`. */
function writeChecksums(out: string): void {
  const lines = readdirSync(out)
    .sort()
    .map((name) => {
      const hash = new Bun.CryptoHasher('sha256').update(readFileSync(`${out}/${name}`))
      return `${hash.digest('hex')}  ${name}\n`
    })
  writeFileSync(`${out}/SHA256SUMS`, lines.join(''))
}
