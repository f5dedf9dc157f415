import { expect } from 'bun:test'
import { asAccount, type Procedure } from './follow.ts'
import { type AdministeredMachine, PROGRAMS, SET_UP } from './machine.ts'

/** The pages about the pool without a daemon: set up, rules, damage. */

export function install(on: AdministeredMachine): Procedure {
  const TESTED = 'packaging/test/install.test.ts and system-packages.test.ts install the packages'
  return {
    'sha256sum --check --ignore-missing SHA256SUMS': { notTyped: TESTED },
    'sudo apt install ./canhazgpu_0.1.0-1_amd64.deb': { notTyped: TESTED },
    'sudo sh install.sh': { notTyped: TESTED },
    'tar -xzf canhazgpu-0.1.0-linux-x64.tar.gz': {
      before: () =>
        on.must(`folder=canhazgpu-0.1.0-linux-x64; cd /srv && mkdir -p $folder/bin $folder/share/man/man1
        ln -s ${PROGRAMS}/canhazgpu $folder/bin && touch $folder/share/man/man1/canhazgpu.1
        tar -czf /$folder.tar.gz $folder`),
      after: () => on.must('chg --version && test -e /usr/local/share/man/man1/canhazgpu.1'),
    },
  }
}

export function policy(on: AdministeredMachine): Procedure {
  return {
    'sudo canhazgpu policy set max-gpus 4': { before: () => on.must(SET_UP) },
    'canhazgpu reserve': {
      before: () => on.must(asAccount('ann', 'canhazgpu reserve --gpus 2 --duration 73m')),
      as: 'ann',
      status: 75,
    },
    'canhazgpu extend 90m': {
      before: async () => {
        await on.must('canhazgpu policy set max-duration 2h --account ann')
        await on.must(asAccount('ann', 'canhazgpu release && canhazgpu reserve --duration 1h'))
      },
      as: 'ann',
      status: 2,
    },
    'canhazgpu run --wait -- python train.py': {
      before: async () => {
        await on.must('canhazgpu policy set max-waiting 2 --group students')
        await on.must('canhazgpu reserve --gpu-ids 0 --duration 20m')
        await on.must(asAccount('ann', 'canhazgpu reserve'))
        for (const note of ['one', 'two']) await on.startWaiter('ann', note)
      },
      as: 'ann',
      status: 75,
    },
  }
}

export function recovery(on: AdministeredMachine): Procedure {
  return {
    'sudo canhazgpu admin --check': {
      before: async () => {
        await on.must(SET_UP)
        await on.must(asAccount('ann', 'canhazgpu run -- true && canhazgpu reserve'))
        await on.must(asAccount('ben', 'canhazgpu reserve --gpu-ids 0 || canhazgpu reserve --gpu-ids 1'))
        await on.startWaiter('ben', 'waiter')
      },
    },
    'sudo canhazgpu admin --gpus 8 --force': {
      before: async () => {
        await on.must(`cd /var/lib/canhazgpu && sqlite3 pool.db 'PRAGMA wal_checkpoint(TRUNCATE)'
        root=$(sqlite3 -readonly pool.db "SELECT rootpage FROM sqlite_schema WHERE name = 'pool'")
        size=$(sqlite3 -readonly pool.db 'PRAGMA page_size')
        head -c $size /dev/zero | tr '\\0' Z | dd of=pool.db bs=$size seek=$((root - 1)) conv=notrunc`)
        expect((await on.sh('canhazgpu status')).stderr).toContain('damaged')
      },
      after: async () => {
        await on.must(asAccount('ann', 'canhazgpu reserve'))
      },
    },
  }
}
