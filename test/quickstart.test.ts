import { expect, test } from 'bun:test'
import { finished } from './support/pool.ts'
import { root } from './support/sources.ts'

/** The script first builds the executable if that is older than its sources. */
const TIMEOUT_MS = 120_000

test(
  'the quick start shows a reservation from beginning to end',
  async () => {
    const { status, stdout } = await finished(
      Bun.spawn(['node', 'scripts/quickstart.mjs'], {
        cwd: root,
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'pipe',
      }),
    )
    expect(stdout).toMatch(/Initialized \d+ GPUs/)
    expect(stdout).toMatch(/^CUDA_VISIBLE_DEVICES=\S+$/m)
    expect(stdout).toMatch(/IN USE by \S+ for 0h 0m \d+s \(run, /)
    expect(stdout).toContain('=== GPU Reservation Report ===')
    expect(stdout).toContain('sudo canhazgpu admin --gpus')
    expect(status).toBe(0)
  },
  TIMEOUT_MS,
)
