import { afterAll, beforeAll, expect, test } from 'bun:test'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { isRoot, needing } from './support/needs.ts'
import { finished } from './support/pool.ts'
import { root } from './support/sources.ts'
import { ownName } from './support/unix-users.ts'

/** Test files with known results: `npm test` must count and list them correctly. */
const SAMPLES = {
  passes: `test('passes', () => {})`,
  needsRoot: `test('passes', () => {}); test.skip('one (skipped: needs root)', () => {})`,
  noReason: `test('passes', () => {}); test.skip('another', () => {})`,
  fails: `test('passes', () => {}); test('fails', () => { throw new Error('on purpose') })`,
  failsTwice: `
    describe('a group', () => {
      test('fails', () => { expect({ gpus: 1, name: 'a' }).toEqual({ gpus: 2, name: 'a' }) })
    })
    test('never ends', async () => { await new Promise(() => {}) }, 50)`,
  cannotLoad: `test('passes', () => {}); throw new RangeError('on purpose')`,
  crashes: `test('passes', () => {}); test('ends the process', () => process.exit(7))`,
}

let folder: string
beforeAll(() => {
  folder = mkdtempSync(`${tmpdir()}/canhazgpu-runner-`)
  for (const [name, text] of Object.entries(SAMPLES)) {
    writeFileSync(`${folder}/${name}.test.ts`, `import { describe, expect, test } from 'bun:test'\n${text}\n`)
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
  const [failures, last] = endOf(stdout)
  return { status, last, failures }
}

/** The lines between `Failed tests:` and the line of counts, and that line. */
function endOf(output: string): [string[], string | undefined] {
  const lines = output.trimEnd().split('\n')
  const start = lines.lastIndexOf('Failed tests:')
  return [start < 0 ? [] : lines.slice(start + 1, -2), lines.at(-1)]
}

test('the last line has the numbers of passed, failed and skipped tests', async () => {
  expect(await npmTest('passes', '')).toMatchObject({ status: 0, last: '1 passed, 0 failed' })
  expect(await npmTest('fails', '')).toMatchObject({ status: 1, last: '1 passed, 1 failed' })
  expect(await npmTest('noReason', '')).toMatchObject({ status: 0, last: '1 passed, 0 failed, 1 skipped' })
})

test('the lines above list the failed tests, with their file and the start of their error', async () => {
  const { last, failures } = await npmTest('failsTwice', '')
  expect(last).toBe('0 passed, 2 failed')
  expect(failures[0]).toEndWith('/failsTwice.test.ts: a group > fails')
  expect(failures[1]).toBe('    error: expect(received).toEqual(expected)')
  expect(failures).toContain('    -   "gpus": 2,')
  expect(failures.at(-2)).toEndWith('/failsTwice.test.ts: never ends')
  expect(failures.at(-1)).toContain('timed out after 50ms')
  expect((await npmTest('passes', '')).failures).toEqual([])
})

test('a test file that crashes or cannot be loaded is a failure', async () => {
  const crash = await npmTest('crashes', '')
  expect(crash.status).toBe(1)
  expect(crash.last).toEndWith(' 1 failed')
  expect(crash.failures[0]).toEndWith('/crashes.test.ts: outside a test (exit status 7)')
  const load = await npmTest('cannotLoad', '')
  expect(load).toMatchObject({ status: 1, last: '0 passed, 1 failed' })
  expect(load.failures[0]).toEndWith('/cannotLoad.test.ts: outside a test (exit status 1)')
  expect(load.failures[1]).toBe('    RangeError: on purpose')
})

needing(...['gcc', 'sqlite3', 'strace', 'zsh', 'mksh', 'busybox', 'fish', 'chromium']).test(
  'in CI only an ordinary user skips tests, and only those that need root',
  async () => {
    const refused = { status: 1, last: '1 passed, 1 failed' }
    const allowed = { status: 0, last: '1 passed, 0 failed, 1 skipped', failures: [] }
    expect(await npmTest('passes', 'true')).toMatchObject({ status: 0, last: '1 passed, 0 failed' })
    const noReason = await npmTest('noReason', 'true')
    expect(noReason).toMatchObject(refused)
    expect(noReason.failures[0]).toEndWith('/noReason.test.ts: another')
    expect(noReason.failures[1]).toBe('    Must not be skipped in CI')
    expect(await npmTest('needsRoot', 'true')).toMatchObject(isRoot ? refused : allowed)
  },
)

/** A checkout with its own npm: `npm test` prints one failed test and fails, and every other command succeeds. */
function checkoutWithFailure(): string {
  const checkout = `${folder}/checkout`
  mkdirSync(`${checkout}/.ci`, { recursive: true })
  mkdirSync(`${checkout}/node_modules`)
  copyFileSync(`${root}/.ci/run`, `${checkout}/.ci/run`)
  writeFileSync(`${checkout}/package.json`, '{}')
  writeFileSync(`${checkout}/package-lock.json`, '{}')
  mkdirSync(`${folder}/bin`)
  chmodSync(folder, 0o755)
  const npm = `#!/bin/sh
[ "$*" = 'run test:packages' ] && echo '1 passed, 0 failed'
[ "$1" = test ] || exit 0
printf 'much output\\n\\nFailed tests:\\na.test.ts: fails for %s\\n    error: on purpose\\n\\n5 passed, 1 failed\\n' "$(id -un)"
exit 1
`
  writeFileSync(`${folder}/bin/npm`, npm, { mode: 0o755 })
  for (const argv of [['init', '-q'], ['add', '.'], COMMIT]) {
    Bun.spawnSync(['git', ...argv], { cwd: checkout })
  }
  return checkout
}

const COMMIT = ['-c', 'user.name=A', '-c', 'user.email=a@example.org', 'commit', '-qm', 'First']

needing('git', ...(isRoot ? ['users'] : [])).test(
  '.ci/run repeats the failed tests of every run above its last line',
  async () => {
    const child = Bun.spawn(['bash', '.ci/run'], {
      cwd: checkoutWithFailure(),
      env: { ...process.env, PATH: `${folder}/bin:${process.env.PATH}` },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const { status, stdout } = await finished(child)
    const failure = (name: string) => `Failed tests:\na.test.ts: fails for ${name}\n    error: on purpose\n`
    const [, summary] = stdout.split(/[15] passed, [01] failed\n\n== /)
    expect(status).toBe(1)
    if (!isRoot) {
      expect(summary).toBe(`npm test as ${ownName()}: ${failure(ownName())}\n6 passed, 1 failed\n`)
      return
    }
    const user = /fails for (chgci\d+)/.exec(summary ?? '')?.[1] ?? ''
    expect(summary).toBe(
      `npm test as root: ${failure('root')}\n== npm test of an ordinary user: ${failure(user)}\n11 passed, 2 failed\n`,
    )
  },
)
