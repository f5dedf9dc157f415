import type { Database } from 'bun:sqlite'
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { logFiles } from '../files/database-path.ts'
import { openGuarded } from '../locks/journal-guard.ts'

/** A database opened for reading. */
export interface ReadOnlyDatabase extends Disposable {
  readonly db: Database
}

/** Opens a database for reading, and changes nothing in it. If it is locked, try again. */
export function openReadOnly(path: string): ReadOnlyDatabase {
  const { db, close } = openGuarded(path, { readonly: true, waitMs: 250 })
  return { db, [Symbol.dispose]: close }
}

/**
 * Passes the path of a database that SQLite can open without creating a file beside the pool: the pool's own path, or
 * that of a copy if a file of the log is missing.
 */
export function withReadablePath<Result>(path: string, use: (readable: string) => Result): Result {
  if (logFiles(path).every((file) => existsSync(file))) return use(path)
  const folder = mkdtempSync(`${tmpdir()}/canhazgpu-check-`)
  try {
    for (const file of [path, `${path}-wal`]) {
      if (existsSync(file)) copyFileSync(file, `${folder}/pool.db${file.slice(path.length)}`)
    }
    return use(`${folder}/pool.db`)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
