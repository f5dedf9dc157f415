import { expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { type TestPool, testPool } from '../support/pool.ts'

const MAIN = new URL('../../src/entries/main.ts', import.meta.url).pathname
const THROWS = 'throw new Error("planted")'
const REJECTS = 'Promise.reject(new Error("planted"))'

/** Runs the program from its sources with an error that nothing catches. */
async function withDefect(pool: TestPool, defect: string, ...args: string[]) {
  const preload = `${pool.folder}/defect.ts`
  const once = `if (process.listenerCount('uncaughtException') > 0) { clearInterval(timer); ${defect} }`
  writeFileSync(preload, `const timer = setInterval(() => { ${once} })`)
  const child = Bun.spawn([process.execPath, '--preload', preload, MAIN, ...args], {
    env: pool.env,
    cwd: pool.folder,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const stderr = await new Response(child.stderr).text()
  return { stderr, status: await child.exited }
}

/** `web` runs until the error. */
const WEB = ['web', '--host', '127.0.0.1', '--port', '0']

test.each([THROWS, REJECTS])('a bug prints one line, which explains how to report it: %s', async (defect) => {
  using pool = await testPool(1)
  const { stderr, status } = await withDefect(pool, defect, ...WEB)
  expect(stderr.replace(/^(?!Error).*\n/gm, '')).toMatch(
    /^Error: .*\bbug\b.*\bplanted\b.*'canhazgpu --version'.*\bCANHAZGPU_TRACE=stderr\b.*\n$/,
  )
  expect(stderr).not.toMatch(/^\s+at |Bun v/m)
  expect(status).toBe(1)
})

test('the details of a bug are in the trace', async () => {
  using pool = await testPool(1)
  pool.env.CANHAZGPU_TRACE = 'stderr'
  const { stderr } = await withDefect(pool, THROWS, ...WEB)
  const [traced] = stderr.split('\n').filter((line) => line.includes('"kind":"error"'))
  expect(JSON.parse(traced ?? '{}')).toMatchObject({
    error: [{ message: 'planted', stack: expect.stringContaining('defect.ts') }],
  })
})

test('with --json a bug has a code', async () => {
  using pool = await testPool(1)
  const { stderr, status } = await withDefect(pool, THROWS, ...WEB, '--json')
  const [failure] = stderr.split('\n').filter((line) => line.startsWith('{"error"'))
  expect(JSON.parse(failure ?? '{}')).toMatchObject({ error: { code: 'internal' } })
  expect(status).toBe(1)
})
