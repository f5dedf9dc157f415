import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import lock from '../package-lock.json'
import { must } from './programs.ts'
import type { Target } from './targets.ts'

const CACHE = 'node_modules/.cache/canhazgpu-runtimes'

interface LockedPackage {
  readonly version?: string
  readonly integrity?: string
}

/**
 * The Bun of a target, from the npm registry. It has the version and the checksum that `package-lock.json` names, so a
 * release has the same runtime wherever it is built. Later calls use a copy in `node_modules`.
 */
export async function runtimeOf({ runtime }: Target): Promise<string> {
  const { version, integrity } = locked(runtime)
  const name = `${runtime.replace('@oven/', '')}-${version}`
  const kept = `${CACHE}/${name}`
  if (existsSync(kept)) return kept
  mkdirSync(CACHE, { recursive: true })
  const folder = mkdtempSync(`${CACHE}/download-`)
  try {
    await must('npm', 'pack', '--silent', `${runtime}@${version}`, '--pack-destination', folder)
    const archive = `${folder}/oven-${name}.tgz`
    const found = `sha512-${new Bun.CryptoHasher('sha512').update(readFileSync(archive)).digest('base64')}`
    if (found !== integrity) {
      throw new Error(`${runtime}@${version} has the checksum ${found}, expected ${integrity}`)
    }
    await must('tar', '-xzf', archive, '-C', folder, 'package/bin/bun')
    renameSync(`${folder}/package/bin/bun`, kept)
  } finally {
    rmSync(folder, { recursive: true })
  }
  return kept
}

function locked(name: string): Required<LockedPackage> {
  const packages: Readonly<Record<string, LockedPackage>> = lock.packages
  const { version, integrity } = packages[`node_modules/${name}`] ?? {}
  if (version !== undefined && integrity !== undefined) return { version, integrity }
  throw new Error(`package-lock.json does not name ${name}`)
}
