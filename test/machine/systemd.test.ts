import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import type { DoctorDocument } from '../../src/views/schemas/doctor.ts'
import type { StatusDocument } from '../../src/views/schemas/status.ts'
import { failureOf } from '../support/failure.ts'
import { needing } from '../support/needs.ts'
import { finished } from '../support/pool.ts'
import { type SystemdMachine, systemdMachine } from '../support/systemd.ts'
import { userForTests } from '../support/unix-users.ts'
import { until } from '../support/until.ts'

const SET_UP = 'canhazgpu admin --gpus 3 --provider fake'
const CGROUP = '/sys/fs/cgroup/system.slice/canhazgpu.service/cgroup.procs'

needing('users', 'nsenter', 'systemd').describe('the service under systemd', () => {
  const ann = userForTests('ann')
  const ben = userForTests('ben')
  let on: SystemdMachine

  beforeAll(async () => {
    on = await systemdMachine()
  })
  afterAll(() => on[Symbol.asyncDispose]())

  /** Each test begins without a service and without a pool. */
  beforeEach(async () => {
    await on.must(`canhazgpu service uninstall; rm -rf /var/lib/canhazgpu /tmp/*; ${SET_UP}`)
  })

  const holders = async () => {
    const gpus: readonly StatusDocument[] = JSON.parse(await on.must('canhazgpu status --json'))
    return gpus.map(({ user, type }) => [user, type].filter((each) => each).join(' '))
  }
  const queue = async () => {
    const entries: readonly { user: string }[] = JSON.parse(await on.must('canhazgpu queue --json'))
    return entries.map(({ user }) => user)
  }
  const mainPid = async () => (await on.must('systemctl show --property MainPID --value canhazgpu')).trim()
  /** The files of an installed service. */
  const written = async () =>
    (await on.sh('find /etc -name "*canhazgpu*.service"; cat /etc/canhazgpu/*')).stdout
  /** The command lines of the processes in the daemon's cgroup. */
  const processes = () => on.must(`for pid in $(cat ${CGROUP}); do tr '\\0' ' ' < /proc/$pid/cmdline; done`)

  test('systemd accepts every line of the unit, and the journal has the messages of the daemon', async () => {
    await on.must('canhazgpu service install')
    const verify = await on.sh('systemd-analyze verify canhazgpu.service')
    expect([verify.status, verify.stdout, verify.stderr]).toEqual([0, '', ''])
    expect(await on.must('systemctl is-enabled canhazgpu; systemctl is-active canhazgpu')).toBe(
      'enabled\nactive\n',
    )
    const journal = await on.must('journalctl --unit canhazgpu --output cat')
    expect(journal).toContain('\nListening at /run/canhazgpu/daemon.sock\n')
    expect(journal).toMatch(/^canhazgpu daemon: .* pid namespace/m)
    const writable = await on.sh(
      `nsenter --mount --target ${await mainPid()} touch /etc/x /home/x /root/x /srv/x /usr/x /var/lib/x`,
    )
    expect(writable.stderr.match(/Read-only file system/g)).toHaveLength(6)
  })

  test('doctor follows the state of the unit, for root and for an ordinary user', async () => {
    const found = async (user?: typeof ann) => {
      const { stdout } = await on.sh('canhazgpu doctor service --json', user)
      const { findings }: DoctorDocument = JSON.parse(stdout)
      return findings.map(({ code, facts }) => [code, facts.state].filter(Boolean).join(' '))
    }
    expect(await found()).toEqual(['service-unused'])
    await on.must('canhazgpu service install')
    expect(await found(ann)).toEqual(['service-running'])
    await on.must('systemctl disable canhazgpu')
    expect(await found()).toEqual(['service-running', 'unit-disabled'])
    await on.must('systemctl stop canhazgpu')
    expect(await found(ann)).toEqual(['service-silent inactive', 'unit-disabled'])
    await on.must('rm /etc/canhazgpu/config.yaml')
    expect(await found()).toEqual(['unit-ignored'])
  })

  test('jobs run on and waiters keep their places through kill -9, restart, stop, and a new executable', async () => {
    await on.must('canhazgpu service install')
    const job = on.start(`canhazgpu run -- sh -c 'while [ ! -e /tmp/end ]; do sleep 0.05; done; exit 7'`, ann)
    // A job that systemd itself starts.
    await on.must(`systemd-run --quiet --uid=${ben.uid} canhazgpu run -- sleep 600`)
    await until('both run', async () => (await holders()).filter((each) => each.endsWith('RUN')).length === 2)
    await on.must('canhazgpu reserve --duration 1h', ann)
    const waiters = []
    for (const user of [ben, ann]) {
      waiters.push(on.start('canhazgpu run --wait -- true', user))
      await until('it waits', async () => (await queue()).length === waiters.length)
    }
    const before = await holders()
    const first = await mainPid()
    await on.must(`kill -KILL ${first}`)
    expect(await holders()).toEqual(before)
    await until('the waiters have joined again', async () => (await queue()).length === 2)
    expect(await mainPid()).not.toBe(first)
    await on.must('systemctl restart canhazgpu')
    expect(await holders()).toEqual(before)
    await on.must('systemctl stop canhazgpu')
    await on.must(`cd /usr/local/bin && cp canhazgpu new && mv new canhazgpu && canhazgpu service install`)
    expect(await holders()).toEqual(before)
    expect(await queue()).toEqual([ben.name, ann.name])
    expect((await processes()).trim().split('\n')).toEqual([
      expect.stringMatching(/^\S+ daemon --keep-trying --socket=\S+ --pool=\S+$/),
    ])
    await on.must('canhazgpu release', ann)
    for (const waiter of waiters) expect(await finished(waiter)).toMatchObject({ status: 0 })
    await on.must('touch /tmp/end')
    expect(await finished(job)).toMatchObject({ status: 7 })
  }, 60_000)

  test('a daemon that cannot start tries again in the same process, and serves when the cause is gone', async () => {
    await on.must('canhazgpu service install')
    const folder = '/var/lib/canhazgpu'
    await on.must(`mv ${folder}/pool.db ${folder}/kept && mkdir ${folder}/pool.db`)
    await on.must(`kill -KILL ${await mainPid()}`)
    const messages = async () => (await on.must('journalctl --unit canhazgpu --output cat')).split('\n')
    const pauses = async () => (await messages()).filter((line) => line.includes('trying again in'))
    await until('it has tried three times', async () => (await pauses()).length === 3)
    const restarts = 'systemctl show --property NRestarts --value canhazgpu'
    expect((await on.must(restarts)).trim()).toBe('1')
    const seconds = (await pauses()).map((line) => Number(/(\d+) s$/.exec(line)?.[1]))
    expect(seconds).toEqual(seconds.toSorted((a, b) => a - b))
    expect(seconds[0]).toBeGreaterThan(0)
    await on.must(`rmdir ${folder}/pool.db && mv ${folder}/kept ${folder}/pool.db`)
    const pid = await mainPid()
    await until('it serves', async () => (await on.sh('canhazgpu status')).status === 0)
    expect(await mainPid()).toBe(pid)
    await on.must(`kill -KILL ${pid}`)
    await on.must('canhazgpu status')
  }, 60_000)

  test('a time limit is enforced while the daemon is stopped, with a message to the standard error of the job', async () => {
    await on.must('canhazgpu service install')
    const script = `trap 'echo interrupted; touch /tmp/interrupted' INT; echo ready; while :; do sleep 0.05; done`
    const limited = on.start(`exec canhazgpu run --timeout 1s --grace 2s -- sh -c "${script}"`, ann)
    await until('the limit has passed', async () => (await on.sh('test -e /tmp/interrupted')).status === 0)
    await on.must('systemctl restart canhazgpu && systemctl stop canhazgpu')
    const { status, stdout, stderr } = await finished(limited)
    expect([status, stdout]).toEqual([137, 'ready\ninterrupted\n'])
    expect(stderr.match(/^canhazgpu: .*/gm)).toEqual([expect.stringContaining('SIGINT')])
    await on.must('systemctl start canhazgpu')
    await until('its GPU is free', async () => (await holders())[0] === '')
  }, 60_000)

  test('a program of the driver can make and open device files', async () => {
    // Two probes may run it at once. The driver's number 195 belongs to no driver here, so ENXIO shows that the kernel
    // permitted it to open the file.
    const program = `#!/bin/sh
mknod /dev/nvidia0 c 195 0 2> /dev/null
chgrp tty /dev/nvidia0 && chmod 660 /dev/nvidia0
head -c1 /dev/nvidia0 2>> /tmp/opened
exit 9`
    await on.must(`cat > /usr/bin/nvidia-smi <<'END'\n${program}\nEND\nchmod 755 /usr/bin/nvidia-smi`)
    await on.must('canhazgpu service install')
    const refused = await on.sh('canhazgpu admin --gpus 1 --provider nvidia-smi --force --json')
    expect(failureOf(refused).code).toBe('driver-failed')
    expect(await on.must('stat -c "%A %G" /dev/nvidia0')).toBe('crw-rw---- tty\n')
    const private_tmp = `/proc/${await mainPid()}/root/tmp/opened`
    expect(await on.must(`cat ${private_tmp}`)).toContain('No such device or address')
    await on.must('rm /usr/bin/nvidia-smi /dev/nvidia0')
  })

  test('after a reboot it serves again: at a socket below /run, with a pool behind a link', async () => {
    await on.must('mkdir /srv/gpus && mv /var/lib/canhazgpu/* /srv/gpus && rmdir /var/lib/canhazgpu')
    await on.must('ln -s /srv/gpus /var/lib/canhazgpu')
    await on.must('canhazgpu service install --socket /run/gpus/own/daemon.sock')
    await on.must('canhazgpu reserve --duration 1h', ann)
    await on.must(`systemd-run --quiet --uid=${ben.uid} canhazgpu run -- sleep 600`)
    await until('it runs', async () => (await holders())[1] === `${ben.name} RUN`)
    await on.reboot()
    // Nothing proves the end of the run: this container has the boot id of the machine, and a new pid namespace.
    expect(await holders()).toEqual([`${ann.name} MANUAL`, `${ben.name} RUN`, ''])
    expect(await on.must('stat -c "%a %U" /run/gpus/own')).toBe('755 root\n')
    await on.must('canhazgpu run -- true', ben)
    await on.must('canhazgpu service uninstall && rm -r /srv/gpus')
  })

  test('a place that the service cannot use is refused before anything changes', async () => {
    await on.must(`mkdir -p /srv/ann/gpus /srv/shared/other; chown ${ann.uid} /srv/ann; mkdir /tmp/gpus`)
    const other = async (path: string) => on.must(`${SET_UP} --store ${path}`)
    await other('/srv/shared/pool.db')
    for (const [options, code] of [
      ['--pool /srv/ann/gpus/pool.db', 'permission-denied'],
      ['--pool /srv/shared/pool.db', 'permission-denied'],
      ['--pool /tmp/gpus/pool.db', 'usage'],
      ['--socket /tmp/gpus/daemon.sock', 'usage'],
      ['--socket /root/daemon.sock', 'usage'],
      ['--socket /root/gpus/daemon.sock', 'usage'],
      ['--socket /home/daemon.sock', 'usage'],
      ['--socket /daemon.sock', 'usage'],
      ['--socket /proc/daemon.sock', 'usage'],
      ['--socket /srv/ann/gpus/daemon.sock', 'permission-denied'],
    ] as const) {
      expect(failureOf(await on.sh(`canhazgpu service install ${options} --json`)).code).toBe(code)
      expect(await written()).toBe('')
      expect(await holders()).toEqual(['', '', ''])
    }
    await on.must('rm -r /srv/ann /srv/shared')
  })

  test('an upgrade keeps the pool and the socket; uninstall removes the service, and names its pool', async () => {
    const socket = '/srv/socket/daemon.sock'
    await on.must(`canhazgpu service install --pool /srv/new/pool.db --socket ${socket}`)
    await on.must(`${SET_UP} && canhazgpu reserve --duration 1h`)
    await on.must('canhazgpu service install')
    expect(await on.must('canhazgpu status', ann)).toContain('root')
    expect(await on.must(`cat /etc/canhazgpu/config.yaml; ls ${socket}`)).toContain(`unix://${socket}`)
    await on.must('canhazgpu service uninstall')
    expect((await on.sh('systemctl status canhazgpu')).status).toBe(4)
    expect(await written()).toBe('store: /srv/new/pool.db\n')
    expect(await on.must('canhazgpu status', ann)).toContain('root')
    await on.must('rm -r /srv/new /srv/socket /etc/canhazgpu')
  })
})
