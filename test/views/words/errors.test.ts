import { expect, test } from 'bun:test'
import { groupId } from '../../../src/adapters/accounts/users.ts'
import { amdSmiProvider } from '../../../src/adapters/gpu/amd/amd-smi.ts'
import { withinDeadline } from '../../../src/adapters/gpu/deadline.ts'
import { driverFailed, notUnderstood } from '../../../src/adapters/gpu/driver-errors.ts'
import { nvidiaSmiProvider } from '../../../src/adapters/gpu/nvidia/nvidia-smi.ts'
import { resolveProgram } from '../../../src/adapters/process/exec.ts'
import { busyError } from '../../../src/adapters/store/locks/lock-holder.ts'
import { interrupted, waitedForLock } from '../../../src/app/waiting/wait-errors.ts'
import { gpuCount, oneOf, shownText } from '../../../src/cli/options/kinds.ts'
import { ERROR_CODES, type ErrorCode } from '../../../src/domain/errors.ts'
import { checkMayAdminister } from '../../../src/domain/pool/rights.ts'
import { parseDuration } from '../../../src/domain/text/duration.ts'
import { parseGpuIds } from '../../../src/domain/text/gpu-ids.ts'
import { type ErrorCase, testErrors } from './error-line.ts'

/*
 * This folder holds the words that the program prints: one row for each error, refusal, warning, notice and answer.
 * Tests of other folders assert codes and facts.
 */

const DB = '/srv/pool.db'
const locked = await busyError(DB, null)

const DURATIONS = 'use for example 30s, 30m, 2h, 1d, 0.5h or 1h30m'
const IDS = 'use for example 1,3 or 0-3'

const VALUES: readonly ErrorCase[] = [
  ['usage', `Invalid duration '10': the unit is missing - ${DURATIONS}`, () => parseDuration('10')],
  ['usage', `Invalid duration '-1h': a duration is positive - ${DURATIONS}`, () => parseDuration('-1h')],
  ['usage', `Invalid duration 'soon': not a duration - ${DURATIONS}`, () => parseDuration('soon')],
  [
    'usage',
    `Invalid duration '30m1h': units go from large to small, each once - ${DURATIONS}`,
    () => parseDuration('30m1h'),
  ],
  [
    'usage',
    `Invalid duration '0h': a duration is longer than zero - ${DURATIONS}`,
    () => parseDuration('0h'),
  ],
  ['usage', `Invalid duration '0.1s': the shortest is 1s - ${DURATIONS}`, () => parseDuration('0.1s')],
  ['usage', `Invalid duration '366d': the longest is 365d - ${DURATIONS}`, () => parseDuration('366d')],
  [
    'usage',
    `Invalid GPU ids '1;2': expected numbers and ranges, separated by commas - ${IDS}`,
    () => parseGpuIds('1;2'),
  ],
  ['usage', `Invalid GPU ids '3-1': the range 3-1 runs backwards - ${IDS}`, () => parseGpuIds('3-1')],
  ['usage', `Invalid GPU ids '1024': the largest id is 1023 - ${IDS}`, () => parseGpuIds('1024')],
  ['usage', `Invalid GPU ids '1,1': GPU 1 is named twice - ${IDS}`, () => parseGpuIds('1,1')],
  [
    'usage',
    "Invalid value for --gpus: '0' - expected a whole number from 1 to 1024",
    () => gpuCount.read('0', '--gpus'),
  ],
  [
    'usage',
    "Invalid value for --provider: 'cuda' - expected one of nvml, fake",
    () => oneOf(['nvml', 'fake']).read('cuda', '--provider'),
  ],
  [
    'usage',
    'Invalid value for --note: expected 1 to 200 visible characters',
    () => shownText.read('', '--note'),
  ],
  [
    'usage',
    "No Unix group named 'no-such-group' - create it with 'groupadd no-such-group', or see 'getent group'",
    () => groupId('no-such-group'),
  ],
]

const PROGRAMS: readonly ErrorCase[] = [
  [
    'command-not-found',
    'command not found: no-such-program',
    () => resolveProgram('no-such-program', '/usr/bin'),
  ],
  [
    'command-not-executable',
    'command not executable: /etc/passwd',
    () => resolveProgram('/etc/passwd', undefined),
  ],
]

const RIGHTS_AND_WAITS: readonly ErrorCase[] = [
  [
    'permission-denied',
    `Only root may change the pool ${DB} - use sudo, or ask an administrator`,
    () => checkMayAdminister({ uid: 1, name: 'ann' }, { uid: 0, path: DB }),
  ],
  [
    'permission-denied',
    `Only root and its owner (uid 5) may change the pool ${DB} - use sudo, or ask an administrator`,
    () => checkMayAdminister({ uid: 1, name: 'ann' }, { uid: 5, path: DB }),
  ],
  [
    'permission-denied',
    `The pool ${DB} cannot be changed from this user namespace, where anybody can be root - run it outside, as the owner of the pool or as root`,
    () => checkMayAdminister({ uid: 0, name: 'root', userNamespace: '4' }, { uid: 0, path: DB }),
  ],
  ['interrupted', 'Interrupted while waiting for GPUs', interrupted],
  [
    'wait-timed-out',
    `Timed out waiting for GPUs: The pool ${DB} stayed locked by another process - find it with 'sudo fuser -v ${DB}' and try again`,
    () => waitedForLock(locked),
  ],
]

const DRIVER: readonly ErrorCase[] = [
  ...(
    [
      [
        'version mismatch',
        'The driver was updated while the old one is loaded: reboot, or unload and load the nvidia kernel modules.',
      ],
      [
        'driver not loaded',
        'The NVIDIA kernel module is not loaded: try `sudo modprobe nvidia`, and reinstall the driver after a kernel update.',
      ],
      ['modprobe amdgpu', 'The AMD kernel module is not loaded: try `sudo modprobe amdgpu`.'],
      ['GPU is lost', 'Reboot the machine, or take the GPU out of the pool.'],
      [
        'Unknown Error',
        'If this is a container, it has lost the GPUs, for example after `systemctl daemon-reload` on the host: restart the container (see docs/containers.md). On the host, see dmesg.',
      ],
      [
        'permission denied',
        'Add the user to the groups that may use the GPUs, and log in again: `sudo usermod -aG render,video USER`.',
      ],
      ['some reason', 'Ask the administrator to check the driver (dmesg).'],
    ] as const
  ).map(
    ([reason, hint]): ErrorCase => [
      'driver-failed',
      `NVML: ${reason} - ${hint}`,
      () => driverFailed('NVML', reason),
    ],
  ),
  [
    'driver-failed',
    'amd-smi printed nothing - Run amd-smi by hand to see its output.',
    () => notUnderstood('amd-smi', ''),
  ],
  [
    'driver-failed',
    'amd-smi printed something unexpected: hello - Run amd-smi by hand to see its output.',
    () => notUnderstood('amd-smi', 'hello\nworld'),
  ],
  [
    'driver-missing',
    'The program amd-smi was not found on PATH - Install the AMD driver and amd-smi (part of ROCm).',
    () => amdSmiProvider({ PATH: '' }).probe(1_000),
  ],
  [
    'driver-missing',
    'The program nvidia-smi was not found on PATH - Install the NVIDIA driver, which brings nvidia-smi.',
    () => nvidiaSmiProvider({ PATH: '' }).probe(1_000),
  ],
  [
    'driver-unresponsive',
    'NVML did not answer within 0.001 s - Raise --probe-timeout if this machine is just slow (persistence mode makes the driver faster: nvidia-smi -pm 1); otherwise ask the administrator to check the driver (dmesg).',
    () => withinDeadline(1, 'NVML', () => new Promise(() => {})),
  ],
]

const BUGS: readonly ErrorCase[] = [
  [
    'internal',
    "this is a bug in canhazgpu: x is undefined - please report it, with 'canhazgpu --version' and what CANHAZGPU_TRACE=stderr prints",
    () => new TypeError('x is undefined'),
  ],
]

const CASES = [...VALUES, ...PROGRAMS, ...RIGHTS_AND_WAITS, ...DRIVER, ...BUGS]

testErrors(CASES)

const IN_OTHER_TABLES: readonly ErrorCode[] = [
  // refusals.test.ts
  ...(['not-enough-gpus', 'too-many-waiting', 'over-limit', 'impossible-request'] as const),
  ...(['pool-already-initialized', 'not-yours', 'failure'] as const),
  // configuration-errors.test.ts
  'config-invalid',
  // store-errors.test.ts
  ...(['pool-not-initialized', 'store-unavailable', 'store-busy', 'store-corrupt'] as const),
  ...(['store-foreign', 'store-too-new', 'store-too-old'] as const),
  // daemon-errors.test.ts
  ...(['daemon-unavailable', 'daemon-incompatible'] as const),
  // fleet-errors.test.ts
  ...(['board-unavailable', 'host-unknown', 'host-unreachable'] as const),
  // host-failures.test.ts
  ...(['host-incompatible', 'connection-lost'] as const),
]

test('every error code has a row', () => {
  const known = new Set([...CASES.map(([code]) => code), ...IN_OTHER_TABLES])
  expect(ERROR_CODES.filter((code) => !known.has(code))).toEqual([])
})
