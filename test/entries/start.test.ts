import { expect, test } from 'bun:test'
import { inDaemonMode } from '../support/needs.ts'
import { testPool } from '../support/pool.ts'

/**
 * Work that makes a short command slow, counted by the runtime, so the limits hold on any machine. They leave room for a
 * tenth more. If a command exceeds one, look for code that is loaded or run although the command does not need it.
 */
interface Start {
  /** Pieces of the executable that are loaded. */
  readonly chunks: number
  /** Size of their compiled code. */
  readonly kilobytes: number
  /** Functions of the runtime that are compiled because they are used, such as `Array.prototype.find`. */
  readonly builtins: number
}

const LIMITS: Readonly<Record<string, Start>> = inDaemonMode
  ? {
      // The daemon performs them.
      status: { chunks: 5, kilobytes: 115, builtins: 3 },
      'reserve --gpus 4': { chunks: 5, kilobytes: 115, builtins: 3 },
      'run -- true': { chunks: 12, kilobytes: 540, builtins: 9 },
    }
  : {
      status: { chunks: 23, kilobytes: 1040, builtins: 12 },
      'reserve --gpus 4': { chunks: 26, kilobytes: 1140, builtins: 13 },
      'run -- true': { chunks: 28, kilobytes: 1150, builtins: 15 },
    }

test.each(Object.entries(LIMITS))('%s loads and compiles little', async (line, limits) => {
  using pool = await testPool(4)
  await pool.chg('reserve', '--gpus', '2')
  pool.env.BUN_JSC_reportBytecodeCacheDecodeTimes = '1'
  pool.env.BUN_JSC_reportBytecodeCompileTimes = '1'
  pool.env.BUN_JSC_logJIT = '1'
  const { stderr } = await pool.chg(...line.split(' '))

  const sizes = [...stderr.matchAll(/^BytecodeCache: decoded \S+ \((\d+) bytes\)/gm)].map(([, size]) =>
    Number(size),
  )
  const start: Start = {
    chunks: sizes.length,
    kilobytes: Math.ceil(sizes.reduce((sum, size) => sum + size, 0) / 1000),
    builtins: stderr.match(/^Compiled \S+ into bytecode/gm)?.length ?? 0,
  }
  expect(start.chunks).toBeGreaterThan(3)
  expect(start.builtins).toBeGreaterThan(0)
  expect(start.chunks).toBeLessThanOrEqual(limits.chunks)
  expect(start.kilobytes).toBeLessThanOrEqual(limits.kilobytes)
  expect(start.builtins).toBeLessThanOrEqual(limits.builtins)
  // A function that is called often enough starts a thread that compiles it.
  expect(stderr).not.toContain('Baseline JIT code for')
})
