import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import type { StatusDocument } from '../../src/views/schemas/status.ts'
import { needing } from '../../test/support/needs.ts'
import { type Child, finished } from '../../test/support/pool.ts'
import { type SystemdMachine, systemdMachine } from '../../test/support/systemd.ts'
import { userForTests } from '../../test/support/unix-users.ts'
import { until } from '../../test/support/until.ts'
import { must } from '../programs.ts'
import { packages } from './made.ts'

const SET_UP = 'canhazgpu admin --gpus 3 --provider fake'
const PROGRAM = '/usr/bin/canhazgpu'

/** How a package manager installs, upgrades and removes the packages in /srv. */
const MANAGERS = {
  dpkg: {
    install: 'dpkg -i /srv/old.deb',
    upgrade: 'dpkg -i /srv/new.deb',
    downgrade: 'dpkg -i /srv/old.deb',
    remove: 'dpkg -r canhazgpu',
  },
  // The machine has no database of rpm, so it knows no other package.
  rpm: {
    install: 'rpm -i --nodeps /srv/old.rpm',
    upgrade: 'rpm -U --nodeps --force /srv/old.rpm',
    downgrade: 'rpm -U --nodeps --oldpackage --force /srv/old.rpm',
    remove: 'rpm -e canhazgpu',
  },
} as const

needing('users', 'nsenter', 'systemd', 'dpkg', 'rpm', 'go').describe('.deb and .rpm', () => {
  const ann = userForTests('ann')
  const ben = userForTests('ben')
  let on: SystemdMachine

  beforeAll(async () => {
    const made = packages()
    on = await systemdMachine()
    // Otherwise dpkg waits for the disk, on which other tests write.
    await on.must('echo force-unsafe-io > /etc/dpkg/dpkg.cfg.d/tests')
    on.put(made.path('_amd64.deb'), '/srv/old.deb')
    on.put(made.path('.x86_64.rpm'), '/srv/old.rpm')
    on.put(await withVersion(made.path('_amd64.deb'), '0.1.1-1'), '/srv/new.deb')
  }, 180_000)
  afterAll(() => on[Symbol.asyncDispose]())

  /** Each test begins without a package, a pool, a service and a configuration. */
  beforeEach(async () => {
    await on.sh('canhazgpu service uninstall; dpkg -P canhazgpu; rpm -e canhazgpu')
    await on.must(
      'rm -rf /usr/local/bin/canhazgpu /usr/bin/canhazgpu /var/lib/canhazgpu /etc/canhazgpu /tmp/*',
    )
  })

  const holders = async () => {
    const gpus: readonly StatusDocument[] = JSON.parse(await on.must('canhazgpu status --json'))
    return gpus.map(({ user, type }) => [user, type].filter((each) => each).join(' '))
  }
  const queue = async () => JSON.parse(await on.must('canhazgpu queue --json')).length
  const startJob = async () => {
    const wait = 'while [ ! -e /tmp/end ]; do sleep 0.05; done; exit 7'
    const job = on.start(`canhazgpu run --gpus 2 -- sh -c '${wait}'`, ann)
    await until('the job runs', async () => (await holders())[1] === `${ann.name} RUN`)
    return job
  }
  const startWaiter = async () => {
    const waiter = on.start('canhazgpu run --gpus 2 --wait -- echo started', ben)
    await until('it waits', async () => (await queue()) === 1)
    return waiter
  }
  const end = async (job: Child) => {
    await on.must('touch /tmp/end')
    expect(await finished(job)).toMatchObject({ status: 7 })
  }
  const inode = async () => (await on.must(`stat -c %i ${PROGRAM}`)).trim()

  for (const [manager, does] of Object.entries(MANAGERS)) {
    test(`${manager}: jobs keep their GPUs and waiters their places through upgrade, downgrade and removal`, async () => {
      const first = await on.must(does.install)
      expect(first).toContain('canhazgpu admin --gpus N')
      expect((await on.sh('systemctl cat canhazgpu')).status).not.toBe(0)
      expect((await on.sh('ls /etc/canhazgpu /var/lib/canhazgpu')).stdout).toBe('')
      await on.must(SET_UP)
      const job = await startJob()
      const waiter = await startWaiter()
      for (const change of [does.upgrade, does.downgrade]) {
        const replaced = await inode()
        await on.must(change)
        expect(await inode()).not.toBe(replaced)
        expect(await holders()).toEqual([`${ann.name} RUN`, `${ann.name} RUN`, ''])
        expect(await queue()).toBe(1)
      }
      const removal = await on.must(does.remove)
      expect(removal).toContain('the pool in /var/lib/canhazgpu remains')
      expect((await on.sh(`ls ${PROGRAM}`)).status).not.toBe(0)
      await end(job)
      expect(await finished(waiter)).toMatchObject({ status: 0, stdout: 'started\n' })
      await on.must(does.install)
      expect(await on.must('canhazgpu report --json')).toContain(ann.name)
      await on.must(does.remove)
    }, 120_000)
  }

  test('purge removes the pool and the configuration; the job runs on', async () => {
    await on.must(
      `dpkg -i /srv/old.deb && ${SET_UP} && mkdir /etc/canhazgpu && touch /etc/canhazgpu/config.yaml`,
    )
    const job = await startJob()
    await on.must('dpkg -P canhazgpu')
    expect((await on.sh('ls -d /var/lib/canhazgpu /etc/canhazgpu /usr/share/doc/canhazgpu')).stdout).toBe('')
    await end(job)
  })

  test('purge without the program after a removal also removes the pool', async () => {
    await on.must(`dpkg -i /srv/old.deb && ${SET_UP} && dpkg -r canhazgpu`)
    expect(await on.must('ls /var/lib/canhazgpu')).toContain('pool.db')
    await on.must('dpkg -P canhazgpu')
    expect((await on.sh('ls -d /var/lib/canhazgpu')).stdout).toBe('')
  })

  test('with the daemon: an upgrade leaves it running and names the restart; removal and purge keep its pool', async () => {
    await on.must(`dpkg -i /srv/old.deb && ${SET_UP} && canhazgpu service install`)
    const pid = () => on.must('systemctl show --property MainPID --value canhazgpu')
    const daemon = await pid()
    const job = await startJob()
    expect(await on.must('dpkg -i /srv/new.deb')).toContain('canhazgpu service install')
    expect(await pid()).toBe(daemon)
    await on.must('canhazgpu service install')
    expect(await pid()).not.toBe(daemon)
    expect(await holders()).toEqual([`${ann.name} RUN`, `${ann.name} RUN`, ''])
    const removal = await on.must('dpkg -P canhazgpu')
    expect(removal).toContain('the service remains')
    expect(removal).toContain('/var/lib/canhazgpu and /etc/canhazgpu remain')
    expect(await on.must('systemctl is-active canhazgpu')).toBe('active\n')
    await on.must('dpkg -i /srv/old.deb')
    expect(await holders()).toEqual([`${ann.name} RUN`, `${ann.name} RUN`, ''])
    await end(job)
    await until('the GPUs are free', async () => (await holders()).every((each) => each === ''))
    await on.must('canhazgpu service uninstall')
  }, 120_000)

  test('a file that install.sh placed in /usr/local/bin is named, and stays', async () => {
    await on.must('cp /bin/true /usr/local/bin/canhazgpu')
    expect(await on.must('dpkg -i /srv/old.deb')).toContain(
      '/usr/local/bin/canhazgpu is not part of this package',
    )
    await on.must('test -e /usr/local/bin/canhazgpu && dpkg -V canhazgpu')
  })
})

/** The same package as a later version. */
async function withVersion(deb: string, version: string): Promise<string> {
  const folder = mkdtempSync(`${tmpdir()}/canhazgpu-deb-`)
  try {
    await must('dpkg-deb', '-R', deb, `${folder}/tree`)
    const control = `${folder}/tree/DEBIAN/control`
    writeFileSync(control, readFileSync(control, 'utf8').replace(/^Version: .*/m, `Version: ${version}`))
    await must('dpkg-deb', '-Znone', '-b', `${folder}/tree`, `${deb}.new`)
  } finally {
    rmSync(folder, { recursive: true })
  }
  return `${deb}.new`
}
