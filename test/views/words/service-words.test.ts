import { expect, test } from 'bun:test'
import type { ServiceAnswer } from '../../../src/app/service.ts'
import * as errors from '../../../src/domain/service-errors.ts'
import { serviceText } from '../../../src/views/words/service-answers.ts'
import { testErrors } from './error-line.ts'

const PLACE = { socket: '/run/canhazgpu/daemon.sock', pool: '/var/lib/canhazgpu/pool.db' }
const UNIT = '/etc/systemd/system/canhazgpu.service'

const answer = (kind: ServiceAnswer['kind'], facts: Partial<ServiceAnswer> = {}): ServiceAnswer => ({
  ...{ kind, ...PLACE, unit: UNIT, configuration: '/etc/canhazgpu/config.yaml', moved: false, ...facts },
})

test.each<[ServiceAnswer, string]>([
  [
    answer('planned', { unitText: '[Unit]\n' }),
    `# /etc/canhazgpu/config.yaml gets the line:
# store: unix:///run/canhazgpu/daemon.sock
# ${UNIT} is:
[Unit]
`,
  ],
  [
    answer('installed', { moved: true }),
    `Moved the pool /var/lib/canhazgpu/pool.db into the daemon: reservations, queue and history are kept
All users reach the daemon by /etc/canhazgpu/config.yaml
Started ${UNIT}
`,
  ],
  [
    answer('installed', { unit: null }),
    `All users reach the daemon by /etc/canhazgpu/config.yaml
systemd does not run here: start 'canhazgpu daemon --keep-trying --socket=/run/canhazgpu/daemon.sock --pool=/var/lib/canhazgpu/pool.db' as root, now and at every boot
`,
  ],
  [
    answer('uninstalled', { moved: true }),
    `Stopped and removed ${UNIT}
Opened the pool /var/lib/canhazgpu/pool.db to its users: reservations, queue and history are kept
/etc/canhazgpu/config.yaml does not name the daemon any more
Running jobs keep their GPUs and their time limits
`,
  ],
  [
    answer('uninstalled', { unit: null }),
    `/etc/canhazgpu/config.yaml does not name the daemon any more
Running jobs keep their GPUs and their time limits
`,
  ],
])('%j', (given, text) => {
  expect(serviceText(given)).toBe(text)
})

testErrors([
  [
    'usage',
    'The service cannot use /tmp/s, because it has its own /tmp - name a path in another folder with --socket, such as /run/canhazgpu/daemon.sock',
    () => errors.unusablePlace('/tmp/s', 'it has its own /tmp', { flag: '--socket', example: PLACE.socket }),
  ],
  [
    'permission-denied',
    'Only root may install or remove the service - use sudo',
    () => errors.onlyRootInstalls(false),
  ],
  [
    'permission-denied',
    'Only root may install or remove the service - run it outside this user namespace, where every user can be root',
    () => errors.onlyRootInstalls(true),
  ],
  [
    'permission-denied',
    "Another user can replace /home/ann/canhazgpu - install it first: 'install -m 755 canhazgpu /usr/local/bin/canhazgpu'",
    () => errors.replaceableProgram('/home/ann/canhazgpu'),
  ],
  [
    'config-invalid',
    'The configuration /etc/canhazgpu/config.yaml cannot be changed safely - give the folder /etc/canhazgpu to root',
    () => errors.notEditable('/etc/canhazgpu/config.yaml', 'give the folder /etc/canhazgpu to root'),
  ],
  [
    'failure',
    "'systemctl enable canhazgpu.service' failed: no space - when it is repaired, run the same 'canhazgpu service' command again",
    () => errors.systemctlFailed(['enable', 'canhazgpu.service'], 'no space'),
  ],
  [
    'daemon-unavailable',
    "The daemon does not answer at /run/canhazgpu/daemon.sock - see 'journalctl -u canhazgpu'",
    () => errors.startedButSilent(PLACE.socket),
  ],
])
