import type { ProgramCopy } from '../../domain/diagnosis/machine-rules.ts'
import { CanhazgpuError } from '../../domain/errors.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { isRoot, isRootOwner, onlyRootCanChange } from '../files/ownership.ts'
import { withinDeadline } from '../gpu/deadline.ts'
import { failureText } from '../gpu/driver-errors.ts'
import { firstLine } from '../gpu/driver-text.ts'
import { type Environment, runProgram } from '../gpu/run-program.ts'
import { access, realPath, S_IFMT, S_IFREG, statusOf, X_OK } from '../kernel/libc/paths.ts'
import { effectiveUid } from '../kernel/libc/rights.ts'

const NAMES = ['canhazgpu', 'chg'] as const
const USUAL_FOLDERS = ['/usr/local/bin', '/usr/bin', '/opt/canhazgpu/bin', '/snap/bin']
/** Each copy is started, so a `PATH` with very many is not searched to its end. */
const MOST_COPIES = 16
const VERSION_WITHIN_MS: Millis = 5_000
const OTHERS_WRITE = 0o022

interface Searched {
  /** The `PATH` of the user. */
  readonly path: string
  readonly home: string | undefined
  /** The environment to start a copy in. */
  readonly env: Environment
  /** The file of this program, whose version needs no start. */
  readonly own: { readonly file: string | null; readonly version: string }
}

/** The copies of this program on `PATH` and in the usual places, each file once. */
export async function programCopies({ path, home, env, own }: Searched): Promise<readonly ProgramCopy[]> {
  const homes = home?.startsWith('/') ? [`${home}/bin`, `${home}/.local/bin`] : []
  const folders = path.split(':').filter((folder) => folder.startsWith('/'))
  const seen = new Set<string>()
  const copies: Promise<ProgramCopy>[] = []
  for (const folder of [...folders, ...USUAL_FOLDERS, ...homes]) {
    for (const name of NAMES) {
      const file = `${folder}/${name}`
      const real = access(file, X_OK) === 0 ? realPath(file) : null
      if (real === null || seen.has(real) || seen.size >= MOST_COPIES || !isRegular(real)) continue
      seen.add(real)
      const isFirst = copies.length === 0 && folders.includes(folder)
      copies.push(
        copyAt(file, real === own.file ? own.version : null, env).then((copy) => ({ ...copy, isFirst })),
      )
    }
  }
  return Promise.all(copies)
}

type Copy = { readonly path: string } & ({ readonly version: string } | { readonly reason: string })

async function copyAt(path: string, known: string | null, env: Environment): Promise<Copy> {
  if (known !== null) return { path, version: known }
  if (!isSafeToRun(path)) return { path, reason: 'another account can change it, so it was not started' }
  try {
    const output = await withinDeadline(VERSION_WITHIN_MS, path, (signal) =>
      runProgram([path, '--version'], { env, signal }),
    )
    if (output.exitCode !== 0) return { path, reason: failureText(output) }
    return { path, version: firstLine(output.stdout) }
  } catch (error) {
    if (error instanceof CanhazgpuError) return { path, reason: error.message }
    throw error
  }
}

/** Whether no account but this one and root can decide what this path starts. */
function isSafeToRun(path: string): boolean {
  if (isRoot()) return onlyRootCanChange(path)
  const real = realPath(path)
  if (real === null) return false
  return [real, real.slice(0, real.lastIndexOf('/')) || '/'].every((place) => {
    const status = statusOf(place)
    if (typeof status === 'number' || (status.mode & OTHERS_WRITE) !== 0) return false
    return isRootOwner(status.uid) || status.uid === effectiveUid()
  })
}

function isRegular(path: string): boolean {
  const status = statusOf(path)
  return typeof status !== 'number' && (status.mode & S_IFMT) === S_IFREG
}
