import type { TestPool } from './pool.ts'

/** Compiles the library into the folder of the pool. Its processes that start meanwhile die before this write. */
export async function diesAtWrite(pool: TestPool): Promise<{ at(write: number): Disposable }> {
  const library = `${pool.folder}/dies-at-write.so`
  const source = new URL('dies-at-write.c', import.meta.url).pathname
  const { status, stderr } = await pool.sh(`gcc -O1 -Wall -shared -fPIC -o '${library}' '${source}' -ldl`)
  if (status !== 0) throw new Error(stderr)
  return {
    at: (write) => {
      Object.assign(pool.env, { LD_PRELOAD: library, DIES_AT_WRITE: String(write) })
      return {
        [Symbol.dispose]() {
          delete pool.env.LD_PRELOAD
          delete pool.env.DIES_AT_WRITE
        },
      }
    },
  }
}
