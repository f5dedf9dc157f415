import { describe, expect, test } from 'bun:test'
import { startDetached } from '../../../src/adapters/process/detach.ts'
import { needing } from '../../support/needs.ts'
import { temporaryFolder } from './temporary-folder.ts'

interface DaemonState {
  readonly parent: number
  readonly group: number
  readonly session: number
  readonly directory: string
  readonly umask: number
  readonly descriptors: Record<string, string>
  readonly ignored: string
  readonly blocked: string
  readonly args: readonly string[]
}

/** The state that a daemon reports through a named pipe. `setting` are shell commands that run before its start. */
async function daemon(setting: string): Promise<DaemonState> {
  using folder = temporaryFolder()
  const pipe = folder.file('state')
  Bun.spawnSync(['mkfifo', pipe])
  const starter = `
    import { startDetached } from '${import.meta.dir}/../../../src/adapters/process/detach.ts'
    startDetached(['${process.execPath}', '${import.meta.dir}/daemon.ts', '${pipe}', 'two words', 'grün'])`
  await Bun.write(folder.file('starter.ts'), starter)
  const script = `${setting} '${process.execPath}' '${folder.file('starter.ts')}'; true`
  const shell = Bun.spawn(['bash', '-c', script], { stdio: ['ignore', 'ignore', 'inherit'] })
  const state = JSON.parse(await Bun.file(pipe).text())
  await shell.exited
  return state
}

describe('a daemon', () => {
  test('inherits only the environment', async () => {
    const state = await daemon("umask 077; trap '' TERM; exec 3</dev/null 9</dev/null;")
    expect(state.args).toEqual(['two words', 'grün'])
    expect(state.directory).toBe('/')
    expect(state.umask).toBe(0o022)
    expect(state.session).toBe(state.group)
    for (const fd of ['0', '1', '2']) expect(state.descriptors[fd]).toBe('/dev/null')
    expect(Object.values(state.descriptors).filter((target) => target === '/dev/null')).toHaveLength(3)
  })

  test('ignores hang-up and keyboard signals, but not SIGTERM', async () => {
    const { ignored, blocked } = await daemon("trap '' TERM;")
    expect(BigInt(`0x${ignored}`) & 0x4007n).toBe(0x7n)
    expect(blocked).toBe('0')
  })
})

describe('starting a program in the background', () => {
  needing('ps').test('leaves no child behind', () => {
    const children = () => {
      const { stdout } = Bun.spawnSync(['ps', '--ppid', String(process.pid), '-o', 'pid=,comm='])
      return stdout
        .toString()
        .split('\n')
        .filter((line) => line && !line.endsWith(' ps'))
    }
    const before = children()
    startDetached(['true'])
    expect(children().filter((child) => !before.includes(child))).toEqual([])
  })

  needing('root').test('fails if no process can be created', () => {
    const RLIMIT_NPROC = 6
    const sources = `${import.meta.dir}/../../../src/adapters`
    // The runtime starts threads when a process has many objects, and crashes if it cannot.
    const code = `globalThis.objects = Array.from({ length: 100_000 }, () => ({}))
      import { startDetached } from '${sources}/process/detach.ts'
      import { resourceLimit } from '${sources}/kernel/libc/programs.ts'
      resourceLimit(${RLIMIT_NPROC}, new BigUint64Array([0n, 0n]), null)
      try { startDetached(['true']); console.log('started') } catch (error) { console.log(error.code) }`
    const asOtherUser = ['setpriv', '--reuid', '4000000', '--clear-groups', process.execPath, '-e', code]
    const env = { ...process.env, BUN_JSC_useConcurrentJIT: '0' }
    const { stdout, stderr } = Bun.spawnSync(asOtherUser, { env })
    expect([stdout, stderr].map(String)).toEqual(['failure\n', ''])
  })
})
