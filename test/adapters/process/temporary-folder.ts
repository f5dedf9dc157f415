import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Folder extends Disposable {
  readonly path: string
  file(name: string): string
}

/** A folder that other users can read. It is removed with its contents when it is disposed. */
export function temporaryFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), 'canhazgpu-os-'))
  chmodSync(path, 0o755)
  return {
    path,
    file: (name) => join(path, name),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  }
}
