import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { isRoot, needing } from './support/needs.ts'
import { finished } from './support/pool.ts'
import { root } from './support/sources.ts'

/** `npm test` as it counts, on files with known results. */
const SAMPLES = {
  sound: `test('passes', () => {})`,
  needsRoot: `test('passes', () => {}); test.skip('one (skipped: needs root)', () => {})`,
  noReason: `test('passes', () => {}); test.skip('another', () => {})`,
  fails: `test('passes', () => {}); test('fails', () => { throw new Error('as meant') })`,
  crashes: `test('passes', () => {}); test('ends the process', () => process.exit(7))`,
}

let folder: string
beforeAll(() => {
  folder = mkdtempSync(`${tmpdir()}/canhazgpu-runner-`)
  for (const [name, text] of Object.entries(SAMPLES)) {
    writeFileSync(`${folder}/${name}.test.ts`, `import { test } from 'bun:test'\n${text}\n`)
  }
})
afterAll(() => rmSync(folder, { recursive: true }))

async function npmTest(sample: keyof typeof SAMPLES, ci: string) {
  const child = Bun.spawn(['node', 'scripts/test.mjs', `${folder}/${sample}.test.ts`], {
    cwd: root,
    env: { ...process.env, CI: ci },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const { status, stdout } = await finished(child)
  return { status, last: stdout.trimEnd().split('\n').at(-1) }
}

test('the last line counts what passed, failed and was skipped', async () => {
  expect(await npmTest('sound', '')).toEqual({ status: 0, last: '1 passed, 0 failed' })
  expect(await npmTest('fails', '')).toEqual({ status: 1, last: '1 passed, 1 failed' })
  expect(await npmTest('noReason', '')).toEqual({ status: 0, last: '1 passed, 0 failed, 1 skipped' })
})

test('a test file that crashes is a failure', async () => {
  const { status, last } = await npmTest('crashes', '')
  expect(status).toBe(1)
  expect(last).toEndWith(' 1 failed')
})

needing(...['gcc', 'sqlite3', 'strace', 'zsh', 'mksh', 'busybox', 'fish', 'chromium']).test(
  'in CI only an ordinary user skips tests, and only those that need root',
  async () => {
    const refused = { status: 1, last: '1 passed, 1 failed' }
    const allowed = { status: 0, last: '1 passed, 0 failed, 1 skipped' }
    expect(await npmTest('sound', 'true')).toEqual({ status: 0, last: '1 passed, 0 failed' })
    expect(await npmTest('noReason', 'true')).toEqual(refused)
    expect(await npmTest('needsRoot', 'true')).toEqual(isRoot ? refused : allowed)
  },
)
