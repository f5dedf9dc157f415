import { expect } from 'bun:test'
import type { Build } from '../../support/other-builds.ts'
import { binary } from '../../support/pool.ts'
import { asAccount, type Procedure } from './follow.ts'
import { type AdministeredMachine, BACKUPS, SET_UP } from './machine.ts'

/** From a real build of the previous release to this one, and back. */
export function upgrade(on: AdministeredMachine, previous: Build): Procedure {
  return {
    [`sudo install -d -m 700 ${BACKUPS}`]: {
      before: async () => {
        await on.install(previous.binary)
        await on.must(SET_UP)
        await on.startJob('ann', 'job', '--gpu-ids 0')
        await on.startWaiter('ben', 'waiter')
        await on.must(asAccount('ann', 'canhazgpu reserve --note manual'))
      },
    },
    'sudo canhazgpu status': {
      before: () => on.install(binary),
      after: async () => {
        expect(await on.holders()).toEqual(['ann job', 'ann manual'])
        expect(await on.waiting()).toEqual(['waiter'])
        await on.must(asAccount('ann', 'canhazgpu release'))
      },
    },
    'canhazgpu status': {
      before: () => on.install(previous.binary),
      status: 1,
      after: async () => {
        expect((await on.sh(`${SET_UP} --force`)).stderr).toContain('newer canhazgpu')
        expect((await on.sh('canhazgpu run -- true')).status).toBe(125)
      },
    },
    'sudo install -d -m 755 /var/lib/canhazgpu.new': {
      before: async () => {
        expect((await on.must('cat /tmp/job')).trim().split('\n')).toHaveLength(1)
        await on.must('pkill -u ann,ben; timeout 60 sh -c "while pgrep -u ann,ben; do sleep 0.1; done"')
      },
      after: async () => expect(await on.holders()).toEqual(['ann manual']),
    },
  }
}
