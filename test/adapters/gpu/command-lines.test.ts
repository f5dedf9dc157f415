import { expect, test } from 'bun:test'
import { CommandLines } from '../../../src/adapters/gpu/command-lines.ts'

test('a command line that blocks its reader takes one thread, and the others are known again when it ends', async () => {
  const blocked = Promise.withResolvers<string>()
  const read: number[] = []
  const lines = new CommandLines((pid) => {
    read.push(pid)
    return pid === 2 ? blocked.promise : Promise.resolve(`python\0${pid}`)
  }, 1)
  const asked = (pids: readonly number[]) => Promise.all(pids.map((pid) => lines.of(pid)))
  expect(await asked([1, 2, 3])).toEqual([['python', '1'], undefined, undefined])
  expect(await asked([1, 2, 3])).toEqual([undefined, undefined, undefined])
  expect(read).toEqual([1, 2])
  blocked.resolve('late')
  await blocked.promise
  expect(await asked([1, 3])).toEqual([
    ['python', '1'],
    ['python', '3'],
  ])
})
