import type { TestPool } from './pool.ts'

interface DiesAtWrite {
  /** For the environment of the processes that die before this write. */
  variables(write: number): Readonly<Record<string, string>>
  /** All processes of the pool that start meanwhile have them. */
  at(write: number): Disposable
}

/** Compiles the library into the folder of the pool. */
export async function diesAtWrite(pool: TestPool): Promise<DiesAtWrite> {
  const library = `${pool.folder}/dies-at-write.so`
  const source = new URL('dies-at-write.c', import.meta.url).pathname
  const { status, stderr } = await pool.sh(`gcc -O1 -Wall -shared -fPIC -o '${library}' '${source}' -ldl`)
  if (status !== 0) throw new Error(stderr)
  const variables = (write: number) => ({ LD_PRELOAD: library, DIES_AT_WRITE: String(write) })
  return {
    variables,
    at: (write) => {
      Object.assign(pool.env, variables(write))
      return {
        [Symbol.dispose]() {
          delete pool.env.LD_PRELOAD
          delete pool.env.DIES_AT_WRITE
        },
      }
    },
  }
}
