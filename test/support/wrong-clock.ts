import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'

/** A wall clock that a test sets, for all processes that start with these variables. */
export interface WrongClock extends Disposable {
  readonly env: Readonly<Record<string, string>>
  /** From now on it is wrong by these seconds. */
  set(seconds: number): void
}

export function wrongClock(): WrongClock {
  const folder = mkdtempSync(`${tmpdir()}/wrong-clock-`)
  const [library, file] = [`${folder}/wrong-clock.so`, `${folder}/seconds`]
  const source = new URL('wrong-clock.c', import.meta.url).pathname
  const made = Bun.spawnSync(['gcc', '-O1', '-Wall', '-shared', '-fPIC', '-o', library, source, '-ldl'])
  if (made.exitCode !== 0) throw new Error(made.stderr.toString())
  // The same file, because the processes have it mapped.
  const set = (seconds: number) => writeFileSync(file, new BigInt64Array([BigInt(seconds)]), { flag: 'r+' })
  writeFileSync(file, new BigInt64Array([0n]))
  return {
    env: { LD_PRELOAD: library, WRONG_CLOCK: file },
    set,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}
