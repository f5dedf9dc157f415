import { describe, expect, test } from 'bun:test'
import { inContainer, startContainer } from '../support/container.ts'
import { storedHistory, storedPool } from '../support/database.ts'
import { startForever } from '../support/job.ts'
import { missing } from '../support/needs.ts'
import { testPool } from '../support/pool.ts'
import { kill } from '../support/processes.ts'
import { until } from '../support/until.ts'

const reason = missing('containers')
const ANOTHER_BOOT = '11111111-2222-3333-4444-555555555555'
const overBootId = (text: string) =>
  `printf '${text}' > masked; mount --bind masked /proc/sys/kernel/random/boot_id; `

/** Shell commands that mask facts about a process in its own mount namespace. */
const MASKS = [
  { name: 'ProcSubset=pid', mask: 'mount -t proc -o subset=pid proc /proc; ' },
  { name: 'an empty boot id', mask: overBootId('') },
  { name: 'an invalid boot id', mask: overBootId('none\\n') },
  { name: 'a boot id of its own', mask: overBootId(`${ANOTHER_BOOT}\\n`) },
  {
    name: 'a boot id of its own and a pid namespace, as systemd-nspawn has them',
    mask: overBootId(`${ANOTHER_BOOT}\\n`),
    namespaces: ['--pid', '--fork', '--kill-child', '--mount-proc'],
  },
  {
    name: 'ProcSubset=pid and another time namespace',
    mask: 'mount -t proc -o subset=pid proc /proc; ',
    namespaces: ['--mount', '--time', '--boottime', '-1', '--fork', '--kill-child'],
  },
]

describe.skipIf(reason !== null)(`masked facts${reason === null ? '' : ` (skipped: ${reason})`}`, () => {
  describe.each(MASKS)('$name', ({ mask, namespaces = ['--mount'] }) => {
    test.concurrent('commands with it end no living run and remove no waiter of others', async () => {
      using pool = await testPool(1)
      const job = await startForever(pool)
      const waiter = pool.start('reserve', '--wait')
      await until('it waits', () => storedPool(pool).queue.length === 1)
      const before = storedPool(pool)
      const { stdout } = await inContainer(
        pool,
        `${mask}"$CHG" status; "$CHG" queue --json; "$CHG" reserve; echo "status $?"; "$CHG" reserve --wait 1s; echo "status $?"`,
        namespaces,
      )
      expect(stdout).toMatch(/^GPU 0: IN USE by .* \(run,/)
      expect(stdout.match(/status \d+/g)).toEqual(['status 75', 'status 75'])
      expect(storedHistory(pool)).toEqual([])
      expect(storedPool(pool).reservations.map(({ id }) => id)).toEqual(
        before.reservations.map(({ id }) => id),
      )
      expect(storedPool(pool).queue.map(({ id }) => id)).toEqual(before.queue.map(({ id }) => id))
      kill(job.pid, 'SIGKILL')
      await waiter.exited
      expect(storedHistory(pool)).toMatchObject([{ outcome: 'exited' }])
    })

    test.concurrent('a run with it holds its GPU until it ends', async () => {
      using pool = await testPool(1)
      await pool.sh('mkfifo go')
      const job = `"$CHG" run -- sh -c 'read word < go'; sleep 1000`
      const container = startContainer(pool, `${mask}${job}`, namespaces)
      await until('the job has its GPU', () => storedPool(pool).reservations.length === 1)
      expect((await pool.status())[0]).toMatchObject({ status: 'IN_USE', type: 'RUN' })
      expect((await pool.chg('reserve')).status).toBe(75)
      expect(storedHistory(pool)).toEqual([])
      await pool.sh('echo word > go')
      await until('its end is recorded', () => storedHistory(pool).length === 1)
      expect(storedHistory(pool)).toMatchObject([{ outcome: 'exited' }])
      kill(container.pid, 'SIGKILL')
    })
  })
})
