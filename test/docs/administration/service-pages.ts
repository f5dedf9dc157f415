import { expect } from 'bun:test'
import { binary } from '../../support/pool.ts'
import { until } from '../../support/until.ts'
import { asAccount, type Procedure } from './follow.ts'
import { type AdministeredMachine, PROGRAMS, SET_UP } from './machine.ts'

const METRICS = "curl -fsS -H 'Authorization: Bearer a-long-random-text' http://127.0.0.1:8080/metrics"

/** The pages about services: the daemon, what watches it, and the removal of both. */

export function daemon(on: AdministeredMachine): Procedure {
  /** Tries a start script instead of the unit. */
  const servesBy = async (start: string) => {
    await on.must('canhazgpu service install && systemctl disable --now canhazgpu')
    const daemon = on.start(start)
    await until('the daemon answers', async () => (await on.sh('canhazgpu status')).status === 0)
    await on.must("kill $(pgrep -f 'canhazgpu [d]aemon')")
    await daemon.exited
    await on.must('canhazgpu service uninstall')
  }
  return {
    'sudo canhazgpu service install': {
      before: () => on.must(SET_UP),
      after: () => on.must('canhazgpu service uninstall'),
    },
    'mkdir -p /etc/sv/canhazgpu/log /var/log/canhazgpu': {
      before: () => on.must('mkdir -p /etc/service'),
      after: () => servesBy('exec /etc/sv/canhazgpu/run'),
    },
    "cat > /etc/init.d/canhazgpu <<'END'": { notTyped: 'needs OpenRC' },
    "cat > /etc/cron.d/canhazgpu <<'END'": {
      after: () => on.must('rm /etc/cron.d/canhazgpu'),
    },
    'docker run --detach --restart always --name gpu-daemon --gpus all --pid host --uts host \\': {
      notTyped: 'needs Docker',
    },
    'sudo canhazgpu service uninstall': {
      after: async () => {
        expect(await on.must(asAccount('ann', 'canhazgpu status'))).toContain('AVAILABLE')
      },
    },
    'sudo systemctl stop canhazgpu': {
      before: () => on.must('canhazgpu service install'),
      after: async () => {
        await on.must('canhazgpu status')
        expect((await on.sh('canhazgpu admin --check --store /var/lib/canhazgpu/pool.db')).status).not.toBe(0)
      },
    },
  }
}

export function monitoring(on: AdministeredMachine): Procedure {
  return {
    "sudo tee /etc/cron.hourly/canhazgpu-doctor > /dev/null <<'END_OF_SCRIPT'": {
      before: () => on.must(`mkdir -p /etc/cron.hourly && ${SET_UP}`),
      after: async () => {
        expect(await on.must('/etc/cron.hourly/canhazgpu-doctor')).toBe('')
        await on.must(`mv ${PROGRAMS}/nvidia-smi /tmp`)
        expect(await on.must('/etc/cron.hourly/canhazgpu-doctor')).toContain('failure  driver')
        await on.must(`mv /tmp/nvidia-smi ${PROGRAMS}`)
      },
    },
    'sudo useradd --system --shell /usr/sbin/nologin canhazgpu-web': {
      after: () =>
        until('it serves', async () => (await on.sh('curl -fsS http://127.0.0.1:8080/healthz')).status === 0),
    },
    'curl -fsS http://127.0.0.1:8080/healthz': {
      after: async () => {
        expect((await on.sh('curl -fsS http://127.0.0.1:8080/metrics')).status).toBe(22)
        await on.must('canhazgpu service install')
        await until('it serves from the daemon', async () => (await on.sh(METRICS)).status === 0)
        expect(await on.must('journalctl --unit canhazgpu-web --output cat')).not.toContain('Warning')
        expect((await on.sh(asAccount('ann', 'cat /etc/canhazgpu/web.yaml'))).stderr).toContain('denied')
      },
    },
  }
}

export function uninstall(on: AdministeredMachine): Procedure {
  return {
    'sudo canhazgpu service uninstall': {
      before: async () => {
        await on.must(`${SET_UP} && canhazgpu service install`)
        await on.startJob('ann', 'job')
      },
      after: async () => {
        expect(await on.holders()).toEqual(['ann job'])
      },
    },
    'cd /usr/local': {
      after: async () => {
        expect((await on.sh('canhazgpu --version')).status).toBe(127)
        await on.install(binary)
        expect(await on.holders()).toEqual(['ann job'])
      },
    },
    'sudo rm -r /var/lib/canhazgpu': {
      after: async () => {
        expect((await on.sh('canhazgpu status')).stderr).toContain('admin --gpus')
      },
    },
  }
}
