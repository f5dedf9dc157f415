import { expect, test } from 'bun:test'
import { chmodSync, readFileSync } from 'node:fs'
import { jobMembers, type Members } from '../../../src/adapters/kernel/process-tree.ts'
import { processStat } from '../../../src/adapters/kernel/processes.ts'
import { needing } from '../../support/needs.ts'
import { until } from '../../support/until.ts'
import { compile, firstLine } from '../process/programs.ts'
import { temporaryFolder } from '../process/temporary-folder.ts'

/** Starts a child, a grandchild and a daemon in its own session. Prints their pids when all run. */
const JOB = `sleep 1000 & child=$!
exec 3< <(sh -c 'sleep 1000 & echo $!; wait'); grandparent=$!; read -r grandchild <&3
exec 4< <(setsid sh -c 'echo $$; exec sleep 1000' &); read -r daemon <&4
echo $child $grandparent $grandchild $daemon; wait`

const startOf = (pid: number): number => processStat(pid)?.startTime ?? -1
const NONE_KNOWN: Members = new Map()
const OWN_USER = process.geteuid?.() ?? null

/** The pids of the job of this command. */
const members = (pid: number, reservation: string, startTime = startOf(pid)): number[] => [
  ...jobMembers({ command: { pid, startTime }, reservation, user: OWN_USER, known: NONE_KNOWN }).keys(),
]

async function startWith(id: string, ...command: string[]) {
  const process = Bun.spawn(command, {
    env: { ...globalThis.process.env, CANHAZGPU_RESERVATION: id },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return { process, output: await firstLine(process.stdout) }
}

test('a job is its descendants and the processes that carry its reservation', async () => {
  const id = crypto.randomUUID()
  const job = await startWith(id, 'bash', '-c', JOB)
  const { pid } = job.process
  const [child = 0, grandparent = 0, grandchild = 0, daemon = 0] = job.output.split(' ').map(Number)
  await until('the shell that started the daemon has exited', () => members(pid, id).length <= 5)
  expect(processStat(daemon)?.parent).not.toBe(pid)

  const tree = members(pid, id)
  expect(tree[0]).toBe(pid)
  expect(tree.toSorted()).toEqual([pid, child, grandparent, grandchild, daemon].toSorted())
  expect(tree.indexOf(grandparent)).toBeLessThan(tree.indexOf(grandchild))

  expect(members(pid, 'another')).not.toContain(daemon)
  for (const each of tree) process.kill(each, 'SIGKILL')
  await job.process.exited
})

test('a later process with the pid of the command is not in the job, and neither are its children', async () => {
  const job = await startWith('some', 'sh', '-c', 'sleep 1000 & echo $!; wait')
  const { pid } = job.process
  expect(members(pid, 'none')).toEqual([pid, Number(job.output)])
  expect(members(pid, 'none', startOf(pid) - 1)).toEqual([])
  for (const each of members(pid, 'none')) process.kill(each, 'SIGKILL')
})

test('a known process and its children stay in the job when its parent exits', async () => {
  const job = await startWith('some', 'sh', '-c', "sh -c 'sleep 1000 & echo $!; wait' & wait")
  const { pid } = job.process
  const [, child = 0, grandchild = 0] = members(pid, 'none')
  const known = new Map([[child, startOf(child)]])
  process.kill(pid, 'SIGKILL')
  await job.process.exited
  const command = { pid, startTime: 1 }
  expect([...jobMembers({ command, reservation: 'none', user: OWN_USER, known }).keys()]).toEqual([
    child,
    grandchild,
  ])
  const later = new Map([[child, startOf(child) - 1]])
  expect([...jobMembers({ command, reservation: 'none', user: OWN_USER, known: later }).keys()]).toEqual([])
  for (const each of [child, grandchild]) process.kill(each, 'SIGKILL')
})

test('a job without processes is empty', () => {
  expect(members(2 ** 22 + 1, 'none')).toEqual([])
})

test('this process never counts, whatever reservation it carries', () => {
  expect(members(process.ppid, 'none')).not.toContain(process.pid)
})

needing('root').test(
  'a reservation in the environment counts only among processes of our own user',
  async () => {
    const id = crypto.randomUUID()
    const users: Record<string, string[]> = {
      'another user': ['--reuid', '65534', '--regid', '65534'],
      'another real user, as in a set-uid program': ['--ruid', '65534'],
      'another effective user': ['--euid', '65534'],
    }
    for (const [title, options] of Object.entries(users)) {
      const job = await startWith(
        id,
        'setpriv',
        ...options,
        '--clear-groups',
        // A shell gives up a different effective user unless it is privileged (-p).
        'bash',
        '-pc',
        'echo; exec sleep 1000',
      )
      const { pid } = job.process
      expect([title, members(2 ** 22 + 1, id)]).toEqual([title, []])
      // As a descendant of the command it is in the job, whatever its user.
      expect([title, members(pid, id)]).toEqual([title, [pid]])
      process.kill(pid, 'SIGKILL')
      await job.process.exited
    }
  },
)

needing('root', 'gcc').test(
  'a set-user-id program that another user started is not in the job, and neither are its children',
  async () => {
    using folder = temporaryFolder()
    const program = folder.file('becomes-root')
    compile(`${import.meta.dir}/becomes-root.c`, program)
    chmodSync(program, 0o4755)
    const id = crypto.randomUUID()
    const { process } = await startWith(
      id,
      'setpriv',
      ...['--reuid', '65534', '--regid', '65534', '--clear-groups', program],
    )
    const started = members(process.pid, 'none')
    expect(started).toHaveLength(2)
    expect(members(2 ** 22 + 1, id)).toEqual([])
    for (const each of started) globalThis.process.kill(each, 'SIGKILL')
    await process.exited
  },
)

/** Bytes that this process has read so far: proc_pid_io(5). */
const bytesRead = (): number => Number(/^rchar: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))?.[1])

needing('root').test(
  'the environment of other users’ processes is not read, however large it is',
  async () => {
    const MEGABYTE = 1_000_000
    const env = Object.fromEntries(
      Array.from({ length: 10 }, (_, each) => [`V${each}`, 'x'.repeat(MEGABYTE / 10)]),
    )
    const others = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const other = Bun.spawn(
          ['setpriv', '--reuid', '65534', '--clear-groups', 'sh', '-c', 'echo; exec sleep 1000'],
          { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'ignore'] },
        )
        await firstLine(other.stdout)
        return other
      }),
    )
    const before = bytesRead()
    members(2 ** 22 + 1, 'none')
    expect(bytesRead() - before).toBeLessThan(others.length * MEGABYTE)
    for (const other of others) {
      other.kill('SIGKILL')
      await other.exited
    }
  },
)
