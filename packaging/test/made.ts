import { readdirSync, readFileSync } from 'node:fs'
import { root } from '../../test/support/sources.ts'

/** Packages of these sources, made for the tests with little compression. */
export interface Made {
  readonly folder: string
  /** The path of the file whose name ends so. */
  path(ending: string): string
  checksums(): string
  /** Makes them again in the same folder. */
  again(): void
}

/** `--quick` makes them here. */
const folder = `${root}dist/packages-for-tests`
let isMade = false

/** They are made once for all test files of a process. */
export function packages(): Made {
  if (!isMade) make()
  isMade = true
  return {
    folder,
    again: make,
    checksums: () => readFileSync(`${folder}/SHA256SUMS`, 'utf8'),
    path(ending) {
      const name = readdirSync(folder).find((each) => each.endsWith(ending))
      if (name === undefined) throw new Error(`no package ${ending}`)
      return `${folder}/${name}`
    },
  }
}

function make(): void {
  const command = [process.execPath, 'packaging/main.ts', '--quick']
  const { exitCode, stderr } = Bun.spawnSync(command, { cwd: root })
  if (exitCode !== 0) throw new Error(stderr.toString())
}
