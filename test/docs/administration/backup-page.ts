import { expect } from 'bun:test'
import { until } from '../../support/until.ts'
import { asAccount, type Procedure } from './follow.ts'
import { type AdministeredMachine, BACKUPS, SET_UP } from './machine.ts'

/** Back-ups are made and restored while a job runs and waiters wait, without the daemon and with it. */
export function backup(on: AdministeredMachine): Procedure {
  const folders = 'sudo install -d -m 755 /var/lib/canhazgpu.new'
  return {
    [`sudo install -d -m 700 ${BACKUPS}`]: {
      before: async () => {
        await on.must(SET_UP)
        await on.startJob('ann', 'early', '--gpu-ids 0')
        await on.must(asAccount('ann', 'canhazgpu reserve --note manual'))
        await on.startWaiter('ann', 'first')
      },
    },
    'sudo systemctl stop canhazgpu': {
      before: async () => {
        await on.must('canhazgpu service install')
      },
      after: async () => {
        expect(await on.holders()).toEqual(['ann early', 'ann manual'])
        await on.must('canhazgpu service uninstall')
      },
    },
    [folders]: {
      before: async () => {
        await on.must(asAccount('ann', 'canhazgpu release'))
        await on.startJob('ben', 'late')
        await on.startWaiter('ben', 'second')
      },
      after: async () => {
        expect(await on.holders()).toEqual(['ann early', 'ann manual'])
        await on.must("pkill -f -- '--note (first|second)' || :")
        await until('nobody waits', async () => (await on.waiting()).length === 0)
        await on.must(asAccount('ben', 'canhazgpu status'))
        expect(await on.must('canhazgpu admin --check')).toContain('is sound')
      },
    },
    'sudo systemctl stop canhazgpu (2)': {
      before: async () => {
        await on.must('canhazgpu service install; rm -r /var/lib/canhazgpu.before')
        await on.must(asAccount('ann', 'canhazgpu release'))
        await on.startJob('ben', 'later')
        await on.startWaiter('ben', 'third')
      },
      after: async () => {
        expect(await on.holders()).toEqual(['ann early', 'ann manual'])
        await until('the waiter has joined again', async () => (await on.waiting()).includes('third'))
        expect(await on.waiting()).toEqual(['third'])
        expect((await on.must('cat /tmp/later')).trim().split('\n')).toHaveLength(1)
      },
    },
  }
}
