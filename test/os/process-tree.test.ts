import { expect, test } from 'bun:test'
import { processTree } from '../../src/adapters/os/process-tree.ts'
import { processStat } from '../../src/adapters/os/processes.ts'
import { firstLine } from './surroundings.ts'

/** Children, grandchildren and a daemon in a session of its own; prints their pids when all are there. */
const JOB = `sleep 1000 & child=$!
exec 3< <(sh -c 'sleep 1000 & echo $!; wait'); grandparent=$!; read -r grandchild <&3
exec 4< <(setsid sh -c 'echo $$; exec sleep 1000' &); wait $!; read -r daemon <&4
echo $child $grandparent $grandchild $daemon; wait`

test('a job is its descendants and whoever carries its reservation', async () => {
  const id = crypto.randomUUID()
  const job = Bun.spawn(['bash', '-c', JOB], {
    env: { ...process.env, CANHAZGPU_RESERVATION: id },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [child = 0, grandparent = 0, grandchild = 0, daemon = 0] = (await firstLine(job.stdout))
    .split(' ')
    .map(Number)
  expect(processStat(daemon)?.parent).not.toBe(job.pid)

  const tree = processTree(job.pid, id)
  expect(tree[0]).toBe(job.pid)
  expect(tree.toSorted()).toEqual([job.pid, child, grandparent, grandchild, daemon].toSorted())
  expect(tree.indexOf(grandparent)).toBeLessThan(tree.indexOf(grandchild))

  expect(processTree(job.pid, 'another')).not.toContain(daemon)
  for (const pid of tree) process.kill(pid, 'SIGKILL')
  await job.exited
})

test('nothing but the root where nothing is left', () => {
  expect(processTree(2 ** 22 + 1, 'none')).toEqual([2 ** 22 + 1])
})

test('never ourselves, whatever we carry', () => {
  expect(processTree(process.ppid, 'none')).not.toContain(process.pid)
})
