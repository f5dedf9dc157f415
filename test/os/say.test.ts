import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { sayOnStderrOf } from '../../src/adapters/os/say.ts'
import { needing } from '../support/needs.ts'
import { firstLine, temporaryFolder } from './surroundings.ts'

test('into a file, at its end', async () => {
  using folder = temporaryFolder()
  const child = Bun.spawn(
    [
      'bash',
      '-c',
      `echo first > '${folder.file('log')}'; exec 2>> '${folder.file('log')}'; echo; exec sleep 1000`,
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  await firstLine(child.stdout)
  expect(sayOnStderrOf(child.pid, 'the pool was reset')).toBe(true)
  expect(readFileSync(folder.file('log'), 'utf8')).toBe('first\nthe pool was reset\n')
  child.kill('SIGKILL')
})

test('into a pipe', async () => {
  const child = Bun.spawn(
    ['bash', '-c', "bash -c 'echo $$ >&3; exec sleep 1000' 3>&1 2>&1 >/dev/null | cat"],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  )
  const reader = child.stdout
  const pid = Number(await firstLine(reader))
  expect(sayOnStderrOf(pid, 'grüße')).toBe(true)
  expect(await firstLine(reader)).toBe('grüße')
  process.kill(pid, 'SIGKILL')
})

test('on a terminal', async () => {
  const child = Bun.spawn(['script', '-qec', "bash -c 'echo $$; exec sleep 1000'", '/dev/null'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const pid = Number(await firstLine(child.stdout))
  expect(sayOnStderrOf(pid, 'hello')).toBe(true)
  expect(await firstLine(child.stdout)).toBe('hello\r')
  process.kill(pid, 'SIGKILL')
})

test('nobody there, nothing open, nobody reading', async () => {
  expect(sayOnStderrOf(2 ** 22 + 1, 'hello')).toBe(false)
  const closed = Bun.spawn(['bash', '-c', 'exec 2>&-; echo; exec sleep 1000'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  await firstLine(closed.stdout)
  expect(sayOnStderrOf(closed.pid, 'hello')).toBe(false)
  closed.kill('SIGKILL')
})

needing('root').test("not on another user's", () => {
  const code = `import { sayOnStderrOf } from '${import.meta.dir}/../../src/adapters/os/say.ts'
    console.log(sayOnStderrOf(${process.pid}, 'hello'))`
  const command = ['setpriv', '--reuid', '65534', '--clear-groups', process.execPath, '-e', code]
  expect(Bun.spawnSync(command).stdout.toString().trim()).toBe('false')
})
