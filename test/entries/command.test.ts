import { expect, test } from 'bun:test'
import { chmodSync, writeFileSync } from 'node:fs'
import { storedHistory, storedPool } from '../support/database.ts'
import { failureOf } from '../support/failure.ts'
import { child, startJob } from '../support/job.ts'
import { testPool } from '../support/pool.ts'

test('stdout has only the bytes of the command, stderr names the reserved GPUs', async () => {
  using pool = await testPool(2)
  const script = 'printf "\\000\\377out"; printf err >&2'
  const run = pool.start('run', '--gpus', '2', '--', 'sh', '-c', script)
  const bytes = new Uint8Array(await new Response(run.stdout).arrayBuffer())
  expect([...bytes]).toEqual([0, 255, ...Buffer.from('out')])
  expect(await new Response(run.stderr).text()).toBe('Reserved 2 GPU(s): [0, 1] for command execution\nerr')
})

test.each([0, 1, 2, 7, 75, 125, 126, 127, 130, 255])(
  'exit status %d is the command’s own',
  async (status) => {
    using pool = await testPool(1)
    expect((await pool.chg('run', '--', 'sh', '-c', `exit ${status}`)).status).toBe(status)
  },
)

test.each(['SIGTERM', 'SIGKILL', 'SIGINT', 'SIGSEGV', 'SIGHUP', 'SIGPIPE'] as const)(
  'death by %s is the command’s own',
  async (signal) => {
    using pool = await testPool(1)
    const run = pool.start('run', '--', 'sh', '-c', `kill -${signal.slice(3)} $$`)
    await run.exited
    expect(run.signalCode).toBe(signal)
  },
)

test('a shell gets the same status with and without run', async () => {
  using pool = await testPool(1)
  const script = `"$CHG" run -- ${child('exit-7')}; echo "$?"; ${child('exit-7')}; echo "$?"`
  expect((await pool.sh(script)).stdout).toBe('7\n7\n')
})

test('the variables of the GPUs replace earlier ones, and other variables stay', async () => {
  using pool = await testPool(4)
  await pool.chg('reserve')
  Object.assign(pool.env, { CUDA_VISIBLE_DEVICES: '7', CUDA_DEVICE_ORDER: 'FASTEST_FIRST', KEPT: 'a b' })
  const { stdout } = await pool.chg('run', '-g', '2', '--', child('print-env'))
  const lines = stdout.split('\n')
  const only = (name: string) => lines.filter((line) => line.startsWith(`${name}=`))
  expect(only('CUDA_VISIBLE_DEVICES')).toEqual(['CUDA_VISIBLE_DEVICES=1,2'])
  expect(only('CUDA_DEVICE_ORDER')).toEqual(['CUDA_DEVICE_ORDER=PCI_BUS_ID'])
  expect(only('NVIDIA_VISIBLE_DEVICES')).toEqual(['NVIDIA_VISIBLE_DEVICES=1,2'])
  expect(only('CANHAZGPU_RESERVATION')).toHaveLength(1)
  expect(only('KEPT')).toEqual(['KEPT=a b'])
})

test('without --gpus the command gets one GPU', async () => {
  using pool = await testPool(4)
  const { stdout } = await pool.chg('run', '--', 'sh', '-c', 'echo "$CUDA_VISIBLE_DEVICES"')
  expect(stdout).toBe('0\n')
})

test('CANHAZGPU_RESERVATION is the id of the reservation', async () => {
  using pool = await testPool(1)
  const { stdout } = await pool.chg(
    'run',
    '--',
    'sh',
    '-c',
    'echo "$CANHAZGPU_RESERVATION"; "$CHG" status --json',
  )
  const [id] = stdout.split('\n')
  expect(JSON.parse(stdout.slice(stdout.indexOf('[')))[0]).toMatchObject({ status: 'IN_USE', type: 'RUN' })
  await pool.status()
  expect(storedHistory(pool)[0]?.reservation).toBe(id as string)
})

test('a command that cannot run is reported before any reservation', async () => {
  using pool = await testPool(1)
  writeFileSync(`${pool.folder}/text`, 'no program')
  const before = storedPool(pool)
  const missing = await pool.chg('run', '--json', '--', 'no-such-program', '--flag')
  expect(missing.stdout).toBe('')
  expect(failureOf(missing)).toMatchObject({
    ...{ status: 127, code: 'command-not-found' },
    message: expect.stringMatching(/\bno-such-program$/),
  })
  const notExecutable = await pool.chg('run', '--json', '--', './text')
  expect(notExecutable.stdout).toBe('')
  expect(failureOf(notExecutable)).toMatchObject({
    ...{ status: 126, code: 'command-not-executable' },
    message: expect.stringMatching(/ \.\/text$/),
  })
  expect(storedPool(pool)).toEqual(before)
})

test('if the kernel cannot execute the command, its GPU is released', async () => {
  using pool = await testPool(1)
  writeFileSync(`${pool.folder}/broken`, '#!/no/such/interpreter\n')
  chmodSync(`${pool.folder}/broken`, 0o755)
  expect(failureOf(await pool.chg('run', '--json', '--', './broken'))).toMatchObject({
    ...{ status: 126, code: 'command-not-executable' },
    message: expect.stringContaining('interpreter'),
  })
  expect((await pool.status())[0]?.status).toBe('AVAILABLE')
  expect(storedHistory(pool)).toMatchObject([{ outcome: 'released' }])
})

test('too few GPUs: exit status 75, and the command is not started', async () => {
  using pool = await testPool(1)
  await pool.chg('reserve')
  const refused = await pool.chg('run', '--json', '--', 'touch', 'started')
  expect(refused.stdout).toBe('')
  expect(failureOf(refused)).toMatchObject({
    ...{ status: 75, code: 'not-enough-gpus' },
    reason: { code: 'short', requested: 1, available: 0, busy: [{ gpu_id: 0, yours: true }] },
  })
  expect(await Bun.file(`${pool.folder}/started`).exists()).toBe(false)
})

test('the command gets stdin', async () => {
  using pool = await testPool(1)
  expect((await pool.sh(`printf 'a\\nb\\n' | "$CHG" run -- wc -l`)).stdout.trim()).toBe('2')
})

test('a run inside a run has its own GPU', async () => {
  using pool = await testPool(2)
  const inner = '"$CHG" run -- sh -c \'echo "$CUDA_VISIBLE_DEVICES"\''
  const { stdout } = await pool.chg('run', '--', 'sh', '-c', `echo "$CUDA_VISIBLE_DEVICES"; ${inner}`)
  expect(stdout).toBe('0\n1\n')
})

test('the pool keeps the beginning of a very long command line', async () => {
  using pool = await testPool(1)
  const script = 'echo started; exec sleep 1000'
  await startJob(pool, [], 'sh', '-c', script, 'x'.repeat(100_000))
  const [reservation] = storedPool(pool).reservations
  if (reservation?.term.kind !== 'run') throw new Error('there is no run')
  expect(reservation.term.command).toStartWith(`sh -c ${script} xxx`)
  expect(reservation.term.command.length).toBeLessThan(5_000)
})
