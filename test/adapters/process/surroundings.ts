import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Account, Liveness, Moment, ProcessIdentity } from '../../../src/domain/pool/model.ts'

export interface Inside {
  readonly account: Account
  readonly identity: ProcessIdentity
  readonly liveness: Liveness
  readonly moment: Moment
  readonly inherited: { descriptors: number[]; openFiles: number; ignored: string; blocked: string }
}

/** The shell command that runs `inside.ts`. */
export const INSIDE = `'${process.execPath}' '${import.meta.dir}/inside.ts'`

/** The last line that the script prints must come from `inside.ts`. */
export function inside(
  script: string,
  options: { env?: Record<string, string>; shell?: string } = {},
): Inside {
  const { stdout, stderr } = Bun.spawnSync([options.shell ?? 'bash', '-c', script], {
    env: { ...process.env, ...options.env },
  })
  const line = stdout.toString().trim().split('\n').at(-1)
  if (!line) throw new Error(`nothing printed: ${stderr}`)
  return JSON.parse(line)
}

export interface Folder extends Disposable {
  readonly path: string
  file(name: string): string
}

/** Open to other users, and removed with its contents at the end. */
export function temporaryFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), 'canhazgpu-os-'))
  chmodSync(path, 0o755)
  return {
    path,
    file: (name) => join(path, name),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  }
}

export function compile(source: string, program: string): void {
  const { exitCode, stderr } = Bun.spawnSync(['gcc', '-O1', '-Wall', '-o', program, source, '-lpthread'])
  if (exitCode !== 0) throw new Error(stderr.toString())
}

/** The first line that a process prints, which signals that it is ready. */
export async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = ''
  const reader = stream.getReader()
  while (!text.includes('\n')) {
    const { value, done } = await reader.read()
    if (done) break
    text += Buffer.from(value).toString()
  }
  reader.releaseLock()
  return text.split('\n')[0] ?? ''
}
