import { expect, test } from 'bun:test'
import { zoneIdentity } from '../../src/adapters/process/zone-identity.ts'
import type { OpenServed } from '../../src/daemon/session-parts.ts'
import type { ServedCommand } from '../../src/domain/operation/served-command.ts'
import { serveCommand } from '../../src/entries/serve-command.ts'
import { versionWithCommit } from '../../src/entries/version.ts'
import { daemonPool } from '../support/daemon.ts'
import { machine } from '../support/machine.ts'
import { needing } from '../support/needs.ts'
import type { Finished } from '../support/pool.ts'

/** With this setting a command performs itself. It is the default. */
const OWN_PROCESS = { CANHAZGPU_PROBE_TIMEOUT: '10s' }

const LINES = [
  'status',
  'status --json',
  'status --table',
  'status --summary',
  'status --free',
  'status --mine',
  'status --free --mine --json',
  'status --watch',
  'status --help',
  'status --tabel',
  'status stray',
  'status -- stray',
  'status --table --summary',
  'status --store /nonexistent',
  'reserve --gpus 4',
  'reserve --gpus 4 --json',
  'reserve --gpus 99',
  'reserve --gpus none',
  'reserve --gpu-ids 1',
  'reserve --gpus 3 --wait 0s',
  'reserve --gpus 3 --short --export',
  'reserve --host other',
]

test.each(LINES)('%s: the same output and status as of a process of its own', async (line) => {
  using pool = await daemonPool(4)
  await pool.chg('reserve', '--gpus', '2')
  const words = line.split(' ')
  const served = await pool.chg(...words)
  Object.assign(pool.env, OWN_PROCESS)
  expect(withoutSeconds(served)).toEqual(withoutSeconds(await pool.chg(...words)))
})

/** Between two commands a second may begin. */
const withoutSeconds = ({ status, stdout, stderr }: Finished) => ({
  status,
  stdout: withoutTimes(stdout),
  stderr: withoutTimes(stderr),
})

const withoutTimes = (text: string): string =>
  text.replaceAll(/\d+h \d+m \d+s/g, 'TIME').replaceAll(/"\d{4}-[^"]*Z"|_seconds": \d+/g, 'TIME')

test('a reservation by the daemon is that of the account, and exists once', async () => {
  using pool = await daemonPool(2)
  expect((await pool.chg('reserve', '--gpus', '1', '--note', 'mine')).stdout).toBe(
    'Reserved 1 GPU(s): [0] for 8h 0m 0s\n',
  )
  const [first, second] = await pool.status()
  expect(first).toMatchObject({ status: 'IN_USE', note: 'mine' })
  expect(second?.status).toBe('AVAILABLE')
  expect((await pool.chg('release')).stdout).toBe('Released 1 GPU(s): [0]\n')
})

test('if the answer is lost, the command is repeated and reserves nothing twice', async () => {
  using pool = await daemonPool(4)
  using relay = losingFirstAnswer(pool.socket, `${pool.folder}/relay.sock`)
  pool.env.CANHAZGPU_STORE = `unix://${relay.path}`
  expect(await pool.chg('reserve', '--gpus', '1')).toEqual({
    status: 0,
    stdout: 'Reserved 1 GPU(s): [0] for 8h 0m 0s\n',
    stderr: '',
  })
  expect(relay.connections()).toBe(2)
  const held = (await pool.status()).filter(({ status }) => status === 'IN_USE')
  expect(held).toHaveLength(1)
})

const display = { terminal: false, color: false, columns: null }
const command: ServedCommand = {
  ...{ words: ['status', '--help'], version: versionWithCommit(), id: 'a1' },
  ...{ timeZone: zoneIdentity(process.env.TZ), machineConfiguration: null, machineStore: null },
  ...{ stdout: display, stderr: display },
}
const noPool: OpenServed = () => {
  throw new Error('not used')
}

test('the daemon leaves a command of another version, time zone or configuration to its client', async () => {
  expect((await serveCommand(command, noPool))?.printed[0]?.[1]).toStartWith('Usage: canhazgpu status')
  expect(await serveCommand({ ...command, version: '0.0.1' }, noPool)).toBeNull()
  expect(await serveCommand({ ...command, timeZone: 'TZ Asia/Tokyo' }, noPool)).toBeNull()
  expect(await serveCommand({ ...command, machineConfiguration: 'status.table: true' }, noPool)).toBeNull()
})

test.each([
  'status --mine',
  'status --store /other.db',
  'status --all',
  'reserve --wait',
  'reserve --host other',
  'reserve --at 23:59',
])('the daemon leaves %s to its client', async (line) => {
  const open: OpenServed = () => ({ view: async () => ({ gpus: [] }) }) as unknown as ReturnType<OpenServed>
  expect(await serveCommand({ ...command, words: line.split(' ') }, open)).toBeNull()
})

needing('mounts').test(
  'with the configuration that the service writes, the daemon performs the command',
  async () => {
    using installed = await machine({ systemd: true })
    await installed.must('canhazgpu admin --gpus 2 --provider fake && canhazgpu service install')
    const loaded = 'BUN_JSC_reportBytecodeCacheDecodeTimes=1 canhazgpu status 2>&1 | grep -c BytecodeCache'
    const served = Number(await installed.must(loaded))
    const own = Number(await installed.must(`CANHAZGPU_PROBE_TIMEOUT=10s ${loaded}`))
    expect(served).toBeLessThan(own)
    const status = await installed.must('canhazgpu status')
    // A setting for all users of the machine.
    await installed.must('echo "status.table: true" >> /etc/canhazgpu/config.yaml')
    expect(await installed.must('canhazgpu status')).not.toBe(status)
    expect(Number(await installed.must(loaded))).toBe(served)
  },
)

interface LosingRelay extends Disposable {
  readonly path: string
  readonly connections: () => number
}

/** Passes messages on to the daemon, but the first connection is closed when its answer arrives. */
function losingFirstAnswer(socket: string, path: string): LosingRelay {
  let connections = 0
  const listener = Bun.listen<{ far: Promise<Bun.Socket<undefined>> }>({
    unix: path,
    socket: {
      open(near) {
        const isLost = ++connections === 1
        const far = Bun.connect<undefined>({
          unix: socket,
          socket: {
            data(_, bytes) {
              if (!isLost) near.write(bytes)
              else if (new TextDecoder().decode(bytes).includes('"n":')) near.end()
            },
            close: () => void near.end(),
          },
        })
        near.data = { far }
      },
      async data(near, bytes) {
        const copy = bytes.slice()
        ;(await near.data.far).write(copy)
      },
      close: (near) => void near.data.far.then((far) => far.end()),
    },
  })
  return {
    path,
    connections: () => connections,
    [Symbol.dispose]: () => listener.stop(true),
  }
}
