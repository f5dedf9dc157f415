import { expect } from 'bun:test'
import { EIGHT_H100, type SimulatedMachine } from '../../adapters/gpu/simulated-machine.ts'
import { asAccount, type Procedure } from './follow.ts'
import { type AdministeredMachine, SET_UP } from './machine.ts'

const OTHER_CARDS: SimulatedMachine = {
  gpus: EIGHT_H100.gpus.map((gpu) => ({ ...gpu, uuid: gpu.uuid.replace('GPU-', 'GPU-ffff') })),
}

/** The pool moves while a job runs: to another folder, into the daemon and back, to other GPUs. */
export function moving(on: AdministeredMachine): Procedure {
  const setUpAgain = async () => {
    await on.must('rm -rf /var/lib/canhazgpu* /etc/canhazgpu /srv/* /root/pool.db; pkill -u ann || :')
    await on.must(SET_UP)
  }
  return {
    'sudo mv /var/lib/canhazgpu /var/lib/canhazgpu.before': {
      before: async () => {
        await on.must(SET_UP)
        await on.startJob('ann', 'job')
      },
      after: async () => {
        expect(await on.must('canhazgpu admin --show')).toContain('Pool: /srv/canhazgpu/pool.db')
        expect(await on.holders()).toEqual(['ann job'])
        await on.must(asAccount('ben', 'canhazgpu run -- true'))
        await on.must('canhazgpu service install')
        expect(await on.holders()).toEqual(['ann job'])
        await on.must('canhazgpu service uninstall')
      },
    },
    'sudo canhazgpu admin --backup /root/pool.db': {
      before: async () => {
        await setUpAgain()
        await on.must('canhazgpu policy set max-gpus 3 --account ann')
        await on.must(asAccount('ann', 'canhazgpu run -- true && canhazgpu reserve'))
      },
      after: async () => {
        await on.must('rm -r /var/lib/canhazgpu')
        on.showGpus(OTHER_CARDS)
      },
    },
    'sudo install -d -m 755 /var/lib/canhazgpu': {
      after: async () => {
        expect(await on.holders()).toEqual([])
        const { rules } = JSON.parse(await on.must('canhazgpu policy --json'))
        expect(JSON.stringify(rules)).toContain('ann')
        expect(JSON.parse(await on.must('canhazgpu report --json')).total_reservations).toBe(2)
      },
    },
    'sudo canhazgpu admin --refresh': {
      before: async () => {
        await on.must(asAccount('ann', 'canhazgpu reserve --note kept'))
        on.showGpus(EIGHT_H100)
        expect(await on.must('canhazgpu status 2>&1')).toContain('the driver shows none of the 8 GPUs')
      },
      after: async () => {
        expect(await on.must('canhazgpu status 2>&1')).not.toContain('the driver shows')
        expect(await on.holders()).toEqual(['ann kept'])
      },
    },
  }
}
