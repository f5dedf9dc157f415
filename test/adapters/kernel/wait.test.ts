import { describe, expect, test } from 'bun:test'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { currentProcess, processStat } from '../../../src/adapters/kernel/processes.ts'
import {
  drain,
  type WatchedProcess,
  waitFor,
  watchFile,
  watchProcess,
} from '../../../src/adapters/kernel/wait.ts'
import { needing } from '../../support/needs.ts'
import { temporaryFolder } from '../process/temporary-folder.ts'

const ours = watchProcess(currentProcess())

function watchedChild(...command: string[]): WatchedProcess & Disposable {
  const child = Bun.spawn(command, { stdio: ['ignore', 'ignore', 'ignore'] })
  const startTime = processStat(child.pid)?.startTime ?? 0
  const watched = watchProcess({ ...currentProcess(), pid: child.pid, startTime })
  return { ...watched, [Symbol.dispose]: () => child.kill('SIGKILL') }
}

describe('the end of a process', () => {
  test('ends the wait', () => {
    using child = watchedChild('sleep', '0.01')
    expect(waitFor({ process: child }, Number.POSITIVE_INFINITY)).toBe('exited')
  })

  test('is reported to later waits too', () => {
    using child = watchedChild('sleep', '1000')
    process.kill(child.identity.pid, 'SIGKILL')
    expect(waitFor({ process: child }, 10_000)).toBe('exited')
    expect(waitFor({ process: child }, 10_000)).toBe('exited')
  })

  test('is reported without a pidfd', () => {
    using child = watchedChild('sleep', '0.01')
    expect(waitFor({ process: { ...child, pidfd: null } }, 10_000)).toBe('exited')
  })

  test('is not confused with a later process that has its pid', () => {
    const { identity } = ours
    const earlier = watchProcess({ ...identity, startTime: identity.startTime - 1 })
    expect(waitFor({ process: earlier }, 10_000)).toBe('exited')
  })

  needing('root').test("is reported for another user's process", () => {
    using child = watchedChild('setpriv', '--reuid', '65534', '--clear-groups', 'sleep', '0.1')
    expect(waitFor({ process: child }, 10_000)).toBe('exited')
  })
})

test('the timeout passes', () => {
  expect(waitFor({ process: ours }, 0)).toBe('timeout')
  expect(waitFor({ process: ours }, 5)).toBe('timeout')
  expect(waitFor({ process: { ...ours, pidfd: null } }, 5)).toBe('timeout')
})

test('a signal does not end the wait', () => {
  const listener = () => {}
  process.on('SIGWINCH', listener)
  using child = watchedChild('sh', '-c', `sleep 0.05; kill -WINCH ${process.pid}; sleep 0.05`)
  expect(waitFor({ process: child }, 10_000)).toBe('exited')
  process.off('SIGWINCH', listener)
})

describe('a change of a file', () => {
  const changes: Record<string, (path: string) => void> = {
    'a written file': (path) => writeFileSync(`${path}/file`, 'more', { flag: 'a' }),
    'a renamed file': (path) => renameSync(`${path}/file`, `${path}/other`),
    'a removed file': (path) => rmSync(`${path}/file`),
  }
  for (const [title, change] of Object.entries(changes)) {
    test(title, () => {
      using folder = temporaryFolder()
      writeFileSync(folder.file('file'), 'text')
      const watch = watchFile(folder.file('file'))
      expect(watch).not.toBeNull()
      expect(waitFor({ process: ours, watch }, 0)).toBe('timeout')
      change(folder.path)
      expect(waitFor({ process: ours, watch }, 10_000)).toBe('changed')
      drain(watch ?? -1)
      expect(waitFor({ process: ours, watch }, 0)).toBe('timeout')
    })
  }

  test('a missing file', () => {
    using folder = temporaryFolder()
    expect(watchFile(folder.file('none'))).toBeNull()
  })
})
