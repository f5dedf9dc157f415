import { expect, test } from 'bun:test'
import { startForever } from '../../support/job.ts'
import { testPool } from '../../support/pool.ts'
import { kill } from '../../support/processes.ts'

const LLAMA = 'meta-llama/Llama-3.1-8B-Instruct'

test('status shows the model of the processes on a GPU, or else of its run', async () => {
  using pool = await testPool(4)
  const job = await startForever(pool, '--gpu-ids', '3')
  const process = { pid: 2 ** 22 + 1, uid: 4242, user: 'bob', name: 'python3', memory_mb: 9000 }
  pool.setFakeDriver({
    gpus: {
      0: { processes: [{ ...process, command: `vllm serve ${LLAMA}` }] },
      1: { processes: [{ ...process, command: 'python3 train.py' }] },
      2: { processes: [{ ...process, command: 'x --model evil\u001b[31mmodel' }] },
    },
  })
  await pool.chg('run', '--gpu-ids', '3', '--', 'true')
  expect((await pool.status()).map(({ model }) => model)).toEqual([
    LLAMA,
    undefined,
    expect.any(String),
    undefined,
  ])
  const { stdout } = await pool.chg('status', '--table')
  const [header, ...rows] = stdout
    .trimEnd()
    .split('\n')
    .map((row) => row.split(/ {2,}/))
  expect(header).toEqual(['GPU', 'STATUS', 'USER', 'DURATION', 'TYPE', 'MODEL', 'DETAILS', 'VALIDATION'])
  expect(rows[0]?.slice(0, 6)).toEqual(['0', 'UNRESERVED', 'bob', '-', '-', LLAMA])
  expect(rows[1]?.[5]).toBe('-')
  expect(rows[3]?.slice(0, 2)).toEqual(['3', 'IN USE'])
  expect(stdout).not.toContain('\u001b')
  kill(job.pid, 'SIGKILL')
  await job.process.exited
  const server = pool.start('run', '--', 'sh', '-c', 'sleep 1000', '--model', 'small/one')
  await server.stderr.getReader().read()
  expect((await pool.status()).map(({ model }) => model)).toContain('small/one')
})
