import { describe, expect, test } from 'bun:test'
import { chmodSync, copyFileSync, renameSync, writeFileSync } from 'node:fs'
import { currentProcess, processStat } from '../../src/adapters/kernel/processes.ts'
import type { Reservation } from '../../src/domain/pool/model.ts'
import { wholeUnits } from '../../src/domain/pool/units.ts'
import type { StatusDocument } from '../../src/views/schemas/status.ts'
import { failureOf } from '../support/failure.ts'
import { type Machine, machine } from '../support/machine.ts'
import { missing, needing } from '../support/needs.ts'
import { buildPreviousVersion } from '../support/other-builds.ts'
import { binary, type Child, finished } from '../support/pool.ts'
import { hasEnded, supervisorsOf } from '../support/processes.ts'
import { userForTests } from '../support/unix-users.ts'
import { until } from '../support/until.ts'

const POOL = '/var/lib/canhazgpu/pool.db'
const SET_UP = 'canhazgpu admin --gpus 4 --provider fake'
/** Ends when the file exists. */
const job = (name: string, status: number) =>
  `canhazgpu run --note ${name} -- sh -c 'while [ ! -e ${'$HOME'}/${name} ]; do sleep 0.05; done; exit ${status}'`

interface Entry {
  readonly user: string
}

const queue = async (on: Machine): Promise<readonly Entry[]> =>
  JSON.parse(await on.must('canhazgpu queue --json'))

const status = async (on: Machine): Promise<readonly StatusDocument[]> =>
  JSON.parse(await on.must('canhazgpu status --json'))

/** Holder and kind of each GPU, and its note. */
const holders = async (on: Machine) =>
  (await status(on)).map(({ user, type, note }) => [user, type, note].filter((each) => each).join(' '))

/** Installs a program that answers like `nvidia-smi` of a machine with one idle GPU. */
function simulateNvidia(folder: string): void {
  copyFileSync(new URL('../stand-ins/nvidia-smi', import.meta.url).pathname, `${folder}/nvidia-smi`)
  chmodSync(`${folder}/nvidia-smi`, 0o755)
  const gpu = {
    ...{ index: '0', 'pci.bus_id': '00000000:1B:00.0', uuid: 'GPU-1', name: 'NVIDIA H200' },
    ...{ 'memory.used': '0', 'memory.total': '143771', 'utilization.gpu': '0', 'temperature.gpu': '30' },
    ...{ 'power.draw': '70.00', gpu_recovery_action: 'None', 'mig.mode.current': 'Disabled' },
  }
  writeFileSync(`${folder}/gpus.tsv`, `${Object.keys(gpu).join('\t')}\n${Object.values(gpu).join('\t')}\n`)
  writeFileSync(`${folder}/apps.tsv`, 'gpu_uuid\tpid\tprocess_name\tused_memory\n')
  writeFileSync(`${folder}/list.txt`, 'GPU 0: NVIDIA H200 (UUID: GPU-1)\n')
}

/** The reservations that have ended, and how, without a command that would find further ones. */
const recordedEnds = (on: Machine): Promise<string> => {
  const query = `import { Database } from 'bun:sqlite'
    console.log(new Database('${POOL}', { readonly: true }).query("SELECT note || ' ' || outcome FROM history").values().join())`
  writeFileSync(`${on.folder}/ends.ts`, query)
  return on.must(`${globalThis.process.execPath} ${on.folder}/ends.ts`)
}

const supervisorsOn = (on: Machine): readonly number[] =>
  supervisorsOf({ store: `sqlite://${POOL}` }).filter((pid) => on.pids().includes(pid))

needing('users', 'mounts', 'nsenter').describe('the service', () => {
  const ann = userForTests('ann')
  const ben = userForTests('ben')

  /** A pool with a job and a reservation of each user, and a waiter of each. */
  async function busyMachine(systemd = true) {
    const on = await machine({ systemd })
    await on.must(SET_UP)
    const jobs: Child[] = []
    for (const [user, name] of [
      [ann, 'one'],
      [ben, 'two'],
    ] as const) {
      jobs.push(on.start(job(name, 7), user))
      await until(`${name} runs`, async () => (await holders(on)).some((each) => each.endsWith(name)))
    }
    await on.must('canhazgpu reserve --duration 1h --note mine', ann)
    await on.must('canhazgpu reserve --duration 2h --note his', ben)
    const waiters: Child[] = []
    for (const user of [ben, ann]) {
      waiters.push(on.start(`canhazgpu run --wait -- sh -c 'echo $CUDA_VISIBLE_DEVICES'`, user))
      await until('it waits', async () => (await queue(on)).length === waiters.length)
    }
    return { on, jobs, waiters, before: await holders(on) }
  }

  /** Jobs, reservations and waiters from before the move end as they would without the move. */
  async function endsAsBegun({ on, jobs, waiters }: Awaited<ReturnType<typeof busyMachine>>) {
    await on.must('canhazgpu release --gpu-ids 3', ben)
    expect(await finished(waiters[0] as Child)).toMatchObject({ status: 0, stdout: '3\n' })
    expect(await finished(waiters[1] as Child)).toMatchObject({ status: 0, stdout: '3\n' })
    await on.must('touch $HOME/one $HOME/two')
    for (const each of jobs) {
      const { status, stderr } = await finished(each)
      expect([status, stderr.split('\n').length]).toEqual([7, 2])
    }
    await until('both GPUs are free', async () => (await holders(on)).slice(0, 2).join('') === '')
    await until('no supervisor is left', () => supervisorsOn(on).length === 0)
    expect(await holders(on)).toEqual(['', '', `${ann.name} MANUAL mine`, ''])
    const report = JSON.parse(await on.must('canhazgpu report --json'))
    expect(report.total_reservations).toBe(6)
  }

  test('a dashboard follows the pool into the daemon and back, in the same process', async () => {
    using on = await machine({ systemd: true })
    await on.must(SET_UP)
    const web = on.start('exec canhazgpu web --host 127.0.0.1 --port 0', ann)
    const urls: string[] = []
    void (async () => {
      for await (const bytes of web.stdout)
        urls.push(...(new TextDecoder().decode(bytes).match(/http:\S+/g) ?? []))
    })()
    const statusOn = async (url: string | undefined) => {
      const gpus: readonly StatusDocument[] = await (await fetch(`${url}/api/status`)).json()
      return gpus.map(({ status }) => status)
    }
    await until('it serves', () => urls.length === 1)
    expect(await statusOn(urls[0])).not.toContain('IN_USE')
    await on.must('canhazgpu service install')
    await on.must('canhazgpu reserve', ann)
    await until('it serves the pool of the daemon', () => urls.length === 2)
    expect(await statusOn(urls[1])).toContain('IN_USE')
    await on.must('canhazgpu service uninstall')
    await until('it serves the file again', () => urls.length === 3)
    expect(await statusOn(urls[2])).toContain('IN_USE')
    expect(web.exitCode).toBeNull()
    web.kill('SIGTERM')
    expect(await web.exited).toBe(0)
  })

  test('install moves reservations, running jobs and waiters into the daemon; uninstall moves them back', async () => {
    const busy = await busyMachine()
    using on = busy.on
    const inQueue = (await queue(on)).map(({ user }) => user)
    await on.must('canhazgpu policy set max-waiting 200 --reason before')
    expect(await on.must('canhazgpu service install')).toContain(
      'Started /etc/systemd/system/canhazgpu.service',
    )
    expect(await on.must('stat -c "%a %U" /var/lib/canhazgpu /var/lib/canhazgpu/pool.db')).toBe(
      '700 root\n600 root\n',
    )
    expect(await holders(on)).toEqual(busy.before)
    await until('the waiters have joined again', async () => {
      return (await queue(on)).map(({ user }) => user).join() === inQueue.join()
    })
    expect(failureOf(await on.shAs(ann, `canhazgpu status --store ${POOL} --json`)).code).toBe(
      'permission-denied',
    )
    await on.must('canhazgpu policy set max-waiting 201 --reason between')
    await on.must('canhazgpu service uninstall')
    const { changes } = JSON.parse(await on.must('canhazgpu policy --history 2 --json'))
    expect(changes).toMatchObject([
      { after: '201', reason: 'between' },
      { after: '200', reason: 'before' },
    ])
    expect(await holders(on)).toEqual(busy.before)
    expect((await queue(on)).map(({ user }) => user)).toEqual(inQueue)
    await endsAsBegun(busy)
    expect(
      (await on.sh('ls /etc/canhazgpu /etc/systemd/system; ls -a /var/lib/canhazgpu')).stdout,
    ).not.toMatch(/config|canhazgpu.service|daemon|stops/)
  }, 60_000)

  test('jobs, waiters and history continue in the daemon', async () => {
    const busy = await busyMachine()
    using on = busy.on
    await on.must('canhazgpu service install')
    await endsAsBegun(busy)
  }, 60_000)

  test('without systemd, the waiters wait for the daemon that root starts', async () => {
    const busy = await busyMachine(false)
    using on = busy.on
    expect(await on.must('canhazgpu service install')).toContain("start 'canhazgpu daemon")
    expect(failureOf(await on.shAs(ann, 'canhazgpu status --json'))).toMatchObject({
      ...{ code: 'daemon-unavailable', status: 75 },
    })
    const daemon = on.start('exec canhazgpu daemon')
    await endsAsBegun(busy)
    expect(failureOf(await on.sh('canhazgpu service uninstall --json')).code).toBe('store-busy')
    daemon.kill('SIGTERM')
    await daemon.exited
    await on.must('canhazgpu service uninstall')
    await on.must('canhazgpu reserve', ben)
  }, 60_000)

  test('a time limit that began before the move interrupts the command once', async () => {
    using on = await machine({ systemd: true })
    await on.must(SET_UP)
    const script = `trap 'echo interrupted' INT; echo ready; while :; do sleep 0.1; done`
    const limited = on.start(
      `exec canhazgpu run --note limited --timeout 6s --grace 3s -- sh -c "${script}"`,
      ann,
    )
    await until('it runs', async () => (await holders(on))[0] === `${ann.name} RUN limited`)
    const end = (await status(on))[0]?.expiry_time
    expect(end).toBeString()
    await on.must('canhazgpu service install')
    expect((await status(on))[0]?.expiry_time).toBe(end as string)
    const { stdout } = await finished(limited)
    expect(stdout).toBe('ready\ninterrupted\n')
    await until('its end is recorded', async () => (await recordedEnds(on)) === 'limited timed-out\n')
  }, 60_000)

  test('a time limit of the daemon holds after uninstall, and all ends are recorded at once', async () => {
    using on = await machine({ systemd: true })
    await on.must(SET_UP)
    await on.must('canhazgpu service install')
    const script = `trap 'echo interrupted' INT; echo ready; while :; do sleep 0.1; done`
    const limited = on.start(
      `exec canhazgpu run --note limited --timeout 4s --grace 2s -- sh -c "${script}"`,
      ann,
    )
    const other = on.start(job('one', 7), ben)
    await until('both run', async () => (await holders(on)).filter((each) => each !== '').length === 2)
    await on.must('canhazgpu service uninstall')
    const supervisors = supervisorsOn(on)
    expect(supervisors).toHaveLength(2)
    // Each signals with the rights of the account of its job, which cannot signal it.
    for (const pid of supervisors) {
      for (const user of [ann, ben]) {
        expect((await on.shAs(user, `kill -STOP ${pid}`)).stderr).toContain('not permitted')
      }
    }
    const { stdout } = await finished(limited)
    expect([stdout, limited.signalCode]).toEqual(['ready\ninterrupted\n', 'SIGKILL'])
    await until('its supervisor has ended', () => supervisorsOn(on).length === 1)
    expect(await recordedEnds(on)).toBe('limited timed-out\n')
    await on.must('touch $HOME/one')
    await other.exited
    await until('the supervisor of the other has ended', () => supervisorsOn(on).length === 0)
    expect(await recordedEnds(on)).toBe('limited timed-out,one exited\n')
  }, 60_000)

  test('the daemon does not enforce a time limit that a user wrote into the pool before the move', async () => {
    using on = await machine({ systemd: true })
    await on.must(SET_UP)
    const victim = on.start('exec sleep 1000', ben)
    const process = {
      ...currentProcess(),
      pid: victim.pid,
      startTime: processStat(victim.pid)?.startTime ?? 0,
    }
    const forged: Reservation = {
      ...{ id: 'forged', holdings: wholeUnits(['0']), startedAt: 1 },
      owner: { account: { uid: ben.uid, name: ben.name }, shownName: ben.name },
      term: { kind: 'run', process, heartbeatAt: 1, limit: { interruptAt: 2, killAt: 3 }, command: 'sleep' },
    }
    // Every user can write the file.
    writeFileSync(
      `${on.folder}/forge.ts`,
      `import { forgeStoredPool } from '${import.meta.dir}/../support/database.ts'
      forgeStoredPool({ database: '${POOL}' }, (pool) => ({ ...pool, reservations: [${JSON.stringify(forged)}] }))`,
    )
    await on.must(`${globalThis.process.execPath} ${on.folder}/forge.ts`)
    await on.must('canhazgpu service install')
    expect((await status(on))[0]).toMatchObject({ user: ben.name, type: 'RUN' })
    // The daemon has looked for runs that are due.
    await on.must('canhazgpu reserve', ann)
    expect(hasEnded(victim.pid)).toBe(false)
    victim.kill('SIGKILL')
    await until('its GPU is free', async () => (await holders(on))[0] === '')
  }, 60_000)

  test('where the machine has a daemon, no other pool uses real GPUs; root repairs the files while it is down', async () => {
    using on = await machine({ systemd: true })
    simulateNvidia(`${on.folder}/bin`)
    const admin = 'canhazgpu admin --gpus 1 --provider nvidia-smi'
    await on.must(admin)
    await on.must(`mkdir $HOME/other; chown ${ann.uid} $HOME/other`)
    const other = `--store $HOME/other/pool.db --json`
    await on.must(`${admin} ${other}`, ann)
    await on.must('canhazgpu service install')
    await on.must('canhazgpu run -- true', ann)
    for (const command of ['status', 'reserve', 'run --nonblock', `admin --gpus 1 --force`]) {
      const end = command.startsWith('run') ? '-- true' : ''
      expect(failureOf(await on.shAs(ann, `canhazgpu ${command} ${other} ${end}`)).code).toBe(
        'permission-denied',
      )
    }
    await on.must(`canhazgpu admin --gpus 1 --force --provider fake ${other}`, ann)
    await on.must(`canhazgpu status ${other}`, ann)
    const check = `canhazgpu admin --check --store ${POOL}`
    expect(failureOf(await on.sh(`${check} --json`)).code).toBe('store-busy')
    await on.must('kill $(cat /run/daemon.pid)')
    await until('the daemon is down', async () => (await on.sh(check)).status === 0)
    await on.must(`canhazgpu status --store ${POOL}`)
    // The next daemon waits for a command of root.
    await on.must(`canhazgpu reserve --store ${POOL}`)
    const repair = on.start(`exec canhazgpu reserve --wait --store ${POOL} 2> $HOME/repair`)
    await until('it waits', () => Bun.file(`${on.folder}/repair`).size > 0)
    const daemon = on.start('exec canhazgpu daemon')
    const reading = daemon.stdout.getReader().read()
    expect(failureOf(await on.sh(`${check} --json`)).code).toBe('store-busy')
    repair.kill('SIGKILL')
    expect(new TextDecoder().decode((await reading).value)).toStartWith('Listening at')
    expect(await holders(on)).toEqual(['root MANUAL'])
  }, 60_000)

  test('jobs and waiters of the previous release are moved too', async () => {
    using previous = await buildPreviousVersion()
    using on = await machine({ systemd: true })
    const install = (build: string) => {
      copyFileSync(build, `${on.program}.new`)
      chmodSync(`${on.program}.new`, 0o755)
      renameSync(`${on.program}.new`, on.program)
    }
    install(previous.binary)
    await on.must(SET_UP)
    const script = `trap 'echo interrupted' INT; echo ready; while :; do sleep 0.1; done`
    const limited = on.start(`exec canhazgpu run --timeout 8s --grace 2s -- sh -c "${script}"`, ann)
    await until('the first runs', async () => (await holders(on))[0] === `${ann.name} RUN`)
    const unlimited = on.start(job('one', 7), ben)
    await until('the second runs', async () => (await holders(on))[1] === `${ben.name} RUN one`)
    await on.must('canhazgpu reserve --gpus 2', ann)
    const waiter = on.start(`canhazgpu run --wait -- sh -c 'exit 5'`, ben)
    await until('it waits', async () => (await queue(on)).length === 1)
    install(binary)
    await on.must('canhazgpu service install')
    expect((await finished(limited)).stdout).toBe('ready\ninterrupted\n')
    expect(await finished(waiter)).toMatchObject({ status: 5 })
    await on.must('touch $HOME/one')
    expect(await finished(unlimited)).toMatchObject({ status: 7, stdout: '' })
    await until('both GPUs are free', async () => (await holders(on)).slice(0, 2).join('') === '')
  }, 90_000)

  describe('killed at any step', () => {
    const CHANGES =
      'rename,renameat,renameat2,unlink,unlinkat,fchmod,chmod,fchmodat,fchown,chown,fsync,fdatasync,pwrite64'

    /** Kills `service ACTION` at its step number `step`; false if it has fewer. */
    async function killedAt(on: Machine, action: string, step: number): Promise<boolean> {
      const inject = `-o /dev/null -e trace=${CHANGES} -e inject=${CHANGES}:signal=KILL:when=${step}`
      const { status } = await on.sh(`strace ${inject} canhazgpu service ${action}`)
      return status !== 0
    }

    test.skipIf(missing('strace') !== null)(
      'install, and uninstall: a second call completes it, and nothing is lost',
      async () => {
        const busy = await busyMachine()
        using on = busy.on
        for (let step = 1; await killedAt(on, 'install', step); step++) {
          expect([...busy.jobs, ...busy.waiters].map(({ pid }) => hasEnded(pid))).not.toContain(true)
          if (step % 5 !== 0) await on.must('canhazgpu service uninstall')
        }
        expect(await holders(on)).toEqual(busy.before)
        await until('both wait', async () => (await queue(on)).length === 2)
        for (let step = 1; await killedAt(on, 'uninstall', step); step++) {
          if (step % 5 !== 0) await on.must('canhazgpu service install')
        }
        expect(await holders(on)).toEqual(busy.before)
        await endsAsBegun(busy)
      },
      180_000,
    )
  })
})
