import { expect, test } from 'bun:test'
import { parentCommands } from '../../../src/adapters/gpu/parent-commands.ts'
import { statusTextOf } from '../../../src/adapters/gpu/process-files.ts'

const PARENT =
  "Bun.spawnSync(process.argv.slice(process.argv.indexOf('+') + 1), { stdio: ['inherit', 'inherit', 'inherit'] })"
const LEAF = 'console.log(process.pid); await Bun.stdin.text()'
const SERVER = ['--model', 'meta/llama']

const parent = (...args: string[]): string[] => [process.execPath, '-e', PARENT, ...args, '+']
const SHELL = ['sh', '-c', '"$@"; true', 'sh']

/** Starts these parents, outermost first, and a process below them that runs until it is disposed. */
async function processBelow(...parents: string[][]) {
  const outermost = Bun.spawn([...parents.flat(), process.execPath, '-e', LEAF], {
    stdin: 'pipe',
    stdout: 'pipe',
  })
  const { value } = await outermost.stdout.getReader().read()
  const pid = Number(new TextDecoder().decode(value))
  return {
    parentCommands: async (own: string) => parentCommands(own, (await statusTextOf(pid)) ?? ''),
    [Symbol.dispose]: () => void outermost.stdin.end(),
  }
}

test('the model of a process that names none is that of a parent up to three levels above', async () => {
  using engine = await processBelow(parent(...SERVER))
  expect(await engine.parentCommands('VLLM::EngineCore')).toEqual([
    expect.stringContaining('--model meta/llama +'),
  ])
  using worker = await processBelow(parent(...SERVER), parent(), parent())
  expect(await worker.parentCommands('VLLM::Worker_TP0')).toHaveLength(3)
  using fourth = await processBelow(parent(...SERVER), parent(), parent(), parent())
  expect(await fourth.parentCommands('')).toEqual([])
})

test('the parents of a shell do not count, because they may name another model', async () => {
  using typed = await processBelow(parent(...SERVER), SHELL)
  expect(await typed.parentCommands('python train.py')).toEqual([])
})

test('a process that names its model itself needs no parents', async () => {
  using server = await processBelow(parent(...SERVER))
  expect(await server.parentCommands('vllm serve other/model')).toEqual([])
})
