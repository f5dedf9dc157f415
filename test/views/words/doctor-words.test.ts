import { expect, test } from 'bun:test'
import { type Finding, levelOf } from '../../../src/domain/diagnosis/finding.ts'
import { doctorAnswerText, doctorFailure } from '../../../src/views/words/doctor-answers.ts'
import { doctorText, findingWords } from '../../../src/views/words/doctor-words.ts'

/** Each code, its words and its remedy. */
const CASES: readonly (readonly [Finding, what: string, remedy?: string])[] = [
  [
    { code: 'unfinished', check: 'disk', seconds: 15 },
    'This check did not end within 15 s: a driver, a disk or a mount hangs',
    "see the kernel's messages: sudo dmesg | tail -50",
  ],
  [{ code: 'unexamined', check: 'disk', reason: 'why' }, 'This check could not be made: why'],
  [{ code: 'configured', files: [], variables: [] }, 'Defaults: there is no file'],
  [{ code: 'configured', files: ['/f'], variables: ['CANHAZGPU_STORE'] }, 'Used: /f, CANHAZGPU_STORE'],
  [{ code: 'configuration-skipped', reason: 'skipped' }, 'skipped'],
  [{ code: 'configuration-invalid', reason: 'wrong', hint: 'correct it' }, 'wrong', 'correct it'],
  [
    {
      ...{ code: 'gpus-shown', provider: 'nvml', version: '550.54' },
      models: [
        { name: 'H100', memoryMb: 81_559, count: 8 },
        { name: 'T4', count: 1 },
      ],
    },
    'NVIDIA driver 550.54 (nvml): 8 × H100 (81559 MB), 1 × T4',
  ],
  [
    { code: 'gpu-faulty', gpu: 3, reason: 'GPU is lost' },
    'GPU 3: GPU is lost',
    'take it out of service: sudo canhazgpu drain 3 --reason fault',
  ],
  [
    { code: 'driver-failed', provider: 'nvml', error: 'driver-failed', reason: 'NVML: no', hint: 'Reboot.' },
    'NVML: no',
    'Reboot.',
  ],
  [
    { code: 'driver-half-failed', provider: 'nvml', error: 'driver-failed', reason: 'NVML: no' },
    'Another interface of the driver answers, but not this one: NVML: no',
  ],
  [
    { code: 'driver-missing' },
    'No GPU driver: neither libnvidia-ml.so.1 nor nvidia-smi nor amd-smi was found',
    'install the driver, or try canhazgpu without one: canhazgpu admin --gpus 8 --provider fake',
  ],
  [
    { code: 'driver-missing', module: '550.54' },
    'The kernel module 550.54 is loaded, but its library and programs were not found',
    'install the programs of the same driver version (nvidia-utils or amd-smi)',
  ],
  [
    { code: 'versions-differ', module: '550.54', library: '550.90' },
    'The loaded kernel module is 550.54, and the library is 550.90',
    'sudo reboot, or unload and load the kernel modules',
  ],
  [{ code: 'gpus-simulated' }, 'The pool simulates its GPUs, so no driver is needed'],
  [
    { code: 'nodes-usable', nodes: ['/dev/nvidiactl', '/dev/nvidia0'] },
    'You may open /dev/nvidiactl, /dev/nvidia0',
  ],
  [
    { code: 'nodes-absent' },
    'The kernel module of no GPU driver is loaded',
    'load it: sudo modprobe nvidia (or amdgpu)',
  ],
  [
    { code: 'node-missing', path: '/dev/nvidia2', areOthers: false },
    '/dev/nvidia2 is missing',
    'create it: sudo nvidia-modprobe -u -c 2',
  ],
  [
    { code: 'node-missing', path: '/dev/nvidia3', areOthers: true },
    '/dev/nvidia3 is missing, as is normal in a container with some of the GPUs',
    'create it: sudo nvidia-modprobe -u -c 3',
  ],
  [
    { code: 'node-missing', path: '/dev/nvidia-uvm', areOthers: true },
    '/dev/nvidia-uvm is missing, as is normal until a program uses CUDA',
    'create it: sudo nvidia-modprobe -u',
  ],
  [
    { code: 'node-missing', path: '/dev/kfd', areOthers: false },
    '/dev/kfd is missing',
    'load the driver: sudo modprobe amdgpu',
  ],
  [
    { code: 'node-closed', path: '/dev/kfd', group: 'render' },
    'You may not open /dev/kfd, which belongs to the group render',
    'add yourself, and log in again: sudo usermod -aG render "$USER"',
  ],
  [{ code: 'persistence-on', gpus: 8 }, 'Persistence mode is on'],
  [
    { code: 'persistence-off', gpus: [0, 1] },
    'Persistence mode is off for GPU 0, 1: the first command after a pause takes seconds',
    'sudo systemctl enable --now nvidia-persistenced, or sudo nvidia-smi -pm 1',
  ],
  [{ code: 'persistence-unknown', reason: 'late' }, 'Persistence mode is not known: late'],
  [{ code: 'persistence-unneeded' }, 'There is no NVIDIA driver that has a persistence mode'],
  [
    { code: 'pool-sound', path: '/p', gpus: 8, reservations: 2, waiting: 1, records: 5 },
    '/p is sound: GPUs 8, reservations 2, waiting 1, usage records 5',
  ],
  [{ code: 'pool-problem', path: '/p', kind: 'damage', what: 'torn', remedy: 'mend it' }, 'torn', 'mend it'],
  [
    { code: 'pool-missing', reason: 'GPU pool not initialized' },
    'GPU pool not initialized',
    'see what the machine has: sudo canhazgpu admin',
  ],
  [
    { code: 'pool-unreadable', error: 'store-too-new', reason: 'too new', hint: 'upgrade' },
    'too new',
    'upgrade',
  ],
  [
    { code: 'pool-closed', reason: 'denied' },
    'Only root can check the pool: denied',
    'sudo canhazgpu doctor pool',
  ],
  [{ code: 'pool-not-compared', reason: 'late' }, 'Pool and driver were not compared: late'],
  [{ code: 'disk-roomy', path: '/p', freeMb: 900 }, '900 MB are free at /p'],
  [
    { code: 'disk-low', path: '/p', freeMb: 90, freeFiles: 5_000 },
    'Only 90 MB and 5000 files are free at /p',
    'find what uses them: sudo du -xh --max-depth=2 /p | sort -h | tail',
  ],
  [
    { code: 'disk-full', path: '/p', freeMb: 0, freeFiles: 5_000 },
    'Only 0 MB and 5000 files are free at /p',
    'find what uses them: sudo du -xh --max-depth=2 /p | sort -h | tail',
  ],
  [{ code: 'disk-read-only', path: '/p' }, '/p is mounted read-only', 'see why: sudo dmesg | tail -50'],
  [
    { code: 'disk-remote', path: '/p', filesystem: 'NFS' },
    '/p is on NFS, a network file system, where the pool is not safe',
    'name a local disk: --store sqlite:///path/to/pool.db',
  ],
  [{ code: 'disk-unknown', path: '/p', reason: 'why' }, 'The disk of /p is not known: why'],
  [{ code: 'clock-plausible', now: 'NOW' }, 'It is NOW'],
  [
    { code: 'clock-behind', now: 'NOW', built: 'THEN' },
    'It is NOW by the clock, but this program was built at THEN',
    'set the clock: sudo timedatectl set-ntp true',
  ],
  [
    { code: 'clock-jumped', seconds: -90 },
    'The clock was set back by 90 s since the pool was last written; reservations keep their length',
    'see whether it is synchronized: timedatectl',
  ],
  [{ code: 'clock-unknown' }, 'Whether the clock was set since the pool was last written is not known'],
  [{ code: 'service-unused' }, 'No daemon is used: commands open the pool themselves'],
  [{ code: 'service-running', socket: '/s', version: '1' }, 'The daemon at /s answers, and has this version'],
  [
    { code: 'service-silent', socket: '/s', state: 'failed', reason: 'cannot connect to /s' },
    'The daemon does not answer (the unit has failed): cannot connect to /s',
    'sudo systemctl start canhazgpu; its messages: sudo journalctl -u canhazgpu -n 50',
  ],
  [
    { code: 'service-other-version', version: '1', own: '2' },
    'The daemon is 1, and this command is 2',
    'sudo systemctl restart canhazgpu',
  ],
  [
    { code: 'service-unversioned' },
    'The daemon answers, but does not name its version: it is older than this command',
    'sudo systemctl restart canhazgpu',
  ],
  [
    { code: 'unit-missing' },
    'The daemon runs without a unit, so nothing starts it at boot',
    'sudo canhazgpu service install',
  ],
  [
    { code: 'unit-disabled' },
    'The unit of the daemon does not start at boot',
    'sudo systemctl enable canhazgpu',
  ],
  [
    { code: 'unit-ignored', unit: '/u' },
    '/u is installed, but the configuration does not name its daemon',
    'sudo canhazgpu service install, or sudo canhazgpu service uninstall',
  ],
  [{ code: 'unit-unknown', reason: 'late' }, 'The unit of the daemon is not known: late'],
  [{ code: 'program-same', path: '/b', version: '1' }, '/b is 1'],
  [
    { code: 'program-other', path: '/b', version: '1', own: '2', isFirst: true },
    '/b is 1, and a shell finds it first; this is 2',
    'see all copies: type -a canhazgpu; remove the old one: sudo rm /b',
  ],
  [
    { code: 'program-unknown', path: '/b', reason: 'why' },
    'The version of /b is not known: why',
    'see what it is: ls -l /b',
  ],
  [
    { code: 'program-uninstalled', path: '/b' },
    'This program (/b) is neither on PATH nor in a usual place',
    'sudo install -m 755 /b /usr/local/bin/canhazgpu',
  ],
]

test.each(CASES.map(([finding, what, remedy]) => [finding.code, { finding, what, remedy }] as const))(
  '%s',
  (_, { finding, what, remedy }) => {
    expect(findingWords(finding)).toEqual(remedy === undefined ? { what } : { what, remedy })
  },
)

test('every failure has a remedy', () => {
  const without = CASES.filter(([, , remedy]) => remedy === undefined).map(([finding]) => finding)
  const open = without.filter((finding) => levelOf(finding) === 'failure')
  expect(open).toEqual([])
})

test('text: aligned, with the counts, and safe to print', () => {
  const findings: readonly Finding[] = [
    { code: 'service-unused' },
    { code: 'pool-problem', path: '/p', kind: 'damage', what: 'to\u001b[31mrn', remedy: 'mend\nit' },
    { code: 'unit-unknown', reason: 'late' },
  ]
  expect(doctorText(findings, { color: false })).toBe(
    [
      'ok       service        No daemon is used: commands open the pool themselves',
      'failure  pool           to [31mrn',
      '                        mend it',
      'unknown  service        The unit of the daemon is not known: late',
      '1 failure, 0 warnings, 1 unknown',
      '',
    ].join('\n'),
  )
  const diagnosed = (all: readonly Finding[]) => ({ kind: 'diagnosed', version: '1', findings: all }) as const
  expect(doctorFailure(diagnosed(findings))).toMatchObject({
    code: 'failure',
    message: 'The doctor found failures: pool',
  })
  expect(doctorFailure(diagnosed([{ code: 'service-unused' }]))).toBeUndefined()
})

test('a bundle and a capture: what is in it, and what to think of', () => {
  const display = { color: false, terminal: false, columns: 80 }
  const written = { path: '/tmp/r.tar.gz', contents: ['doctor.json', 'drivers/nvml/nvml.txt'] }
  expect(doctorAnswerText({ kind: 'bundled', ...written }, display)).toEqual({
    stdout: 'Wrote /tmp/r.tar.gz:\n  doctor.json\n  drivers/nvml/nvml.txt\n',
    stderr:
      'User names, host names, notes and command lines are replaced. Read it before you send it: tar -xzOf /tmp/r.tar.gz | less\n',
  })
  expect(doctorAnswerText({ kind: 'captured', ...written }, display).stderr).toBe(
    "It has the names of processes as the driver reports them. 'canhazgpu doctor --bundle FILE' replaces them\n",
  )
})

test('a path in a remedy is one word for the shell', () => {
  const path = "/tmp/x; rm -rf ~/it's/canhazgpu"
  expect(findingWords({ code: 'program-unknown', path, reason: 'why' }).remedy).toBe(
    "see what it is: ls -l '/tmp/x; rm -rf ~/it'\\''s/canhazgpu'",
  )
})
