import { expect, test } from 'bun:test'
import { withinDeadline } from '../../../src/adapters/gpu/deadline.ts'
import { isAnswer } from '../../../src/adapters/gpu/nvidia/nvml-answer.ts'
import { runProgram } from '../../../src/adapters/gpu/run-program.ts'

const env = { PATH: '/usr/bin:/bin', WORD: 'hello' }
const run = (script: string, options: { readonly isAnswer?: (stdout: string) => boolean } = {}) =>
  withinDeadline(20_000, 'sh', (signal) => runProgram(['/bin/sh', '-c', script], { env, signal, ...options }))

test('a program runs to its end, in the root folder and with the given environment', async () => {
  expect(await run('pwd; echo "$WORD" >&2; exit 3')).toEqual({
    stdout: '/\n',
    stderr: 'hello\n',
    exitCode: 3,
    signal: null,
  })
})

test('the exit of a program that has answered is not awaited', async () => {
  const output = '\n{"kind":"gpus","gpus":[]}\n'
  // Simulates a driver that takes long to release the last process that uses it.
  const script = `printf '${output.replaceAll('\n', '\\n')}'; exec >&- 2>&-; exec sleep 600`
  expect(await run(script, { isAnswer })).toMatchObject({ stdout: output, exitCode: 0 })
})

test('an incomplete answer does not count', () => {
  expect(isAnswer('\n{"kind":"gpus","gpus":[{"index":0}')).toBe(false)
  expect(isAnswer('')).toBe(false)
})

test('a missing program is a failed driver', async () => {
  const absent = withinDeadline(20_000, 'it', (signal) => runProgram(['/nowhere/it'], { env, signal }))
  await expect(absent).rejects.toMatchObject({
    code: 'driver-failed',
    message: expect.stringContaining('/nowhere/it'),
  })
})
