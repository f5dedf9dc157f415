import { expect, test } from 'bun:test'
import { groupId } from '../../src/adapters/accounts/users.ts'
import { withinDeadline } from '../../src/adapters/gpu/deadline.ts'
import { driverFailed, notUnderstood } from '../../src/adapters/gpu/driver-errors.ts'
import { parseScenario } from '../../src/adapters/gpu/fake/fake-scenario.ts'
import { resolveProgram } from '../../src/adapters/process/exec.ts'
import { parseConfig } from '../../src/adapters/settings/config-file.ts'
import { CanhazgpuError } from '../../src/domain/errors.ts'

/** The words of the errors that adapters make. The other tests of adapters check codes and facts. */

const thrown = async (act: () => unknown): Promise<unknown> => {
  try {
    return await act()
  } catch (error) {
    return error
  }
}

const never = () => new Promise<never>(() => {})

const ASK_ADMINISTRATOR = 'Ask the administrator to check the driver (dmesg).'

/** What fails, the message, and the hint if there is one. */
const CASES: readonly (readonly [act: () => unknown, message: string, hint?: string])[] = [
  [() => driverFailed('NVML', 'crashed (SIGSEGV)'), 'NVML: crashed (SIGSEGV)', ASK_ADMINISTRATOR],
  [
    () => driverFailed('NVML', 'Driver/library version mismatch'),
    'NVML: Driver/library version mismatch',
    'The driver was updated while the old one is loaded: reboot, or unload and load the nvidia kernel modules.',
  ],
  [
    () => driverFailed('NVML', 'Driver Not Loaded'),
    'NVML: Driver Not Loaded',
    'The NVIDIA kernel module is not loaded: try `sudo modprobe nvidia`, and reinstall the driver after a kernel update.',
  ],
  [
    () => driverFailed('amd-smi', 'check amdgpu version and module status (sudo modprobe amdgpu)'),
    'amd-smi: check amdgpu version and module status (sudo modprobe amdgpu)',
    'The AMD kernel module is not loaded: try `sudo modprobe amdgpu`.',
  ],
  [
    () => driverFailed('nvidia-smi', 'GPU is lost'),
    'nvidia-smi: GPU is lost',
    'Reboot the machine, or take the GPU out of the pool.',
  ],
  [
    () => driverFailed('nvidia-smi', 'Failed to initialize NVML: Unknown Error'),
    'nvidia-smi: Failed to initialize NVML: Unknown Error',
    'If this is a container, it has lost the GPUs, for example after `systemctl daemon-reload` on the host: restart the container (see docs/containers.md). On the host, see dmesg.',
  ],
  [
    () => driverFailed('nvidia-smi', 'Insufficient Permissions'),
    'nvidia-smi: Insufficient Permissions',
    'Add the user to the groups that may use the GPUs, and log in again: `sudo usermod -aG render,video USER`.',
  ],
  [
    () => notUnderstood('amd-smi', '\n<html>\nmore'),
    'amd-smi printed something unexpected: <html>',
    'Run amd-smi by hand to see its output.',
  ],
  [() => notUnderstood('amd-smi', ' '), 'amd-smi printed nothing', 'Run amd-smi by hand to see its output.'],
  [
    () => withinDeadline(1, 'The fake driver', never),
    'The fake driver did not answer within 0.001 s',
    'Raise --probe-timeout if this machine is just slow (persistence mode makes the driver faster: nvidia-smi -pm 1); otherwise ask the administrator to check the driver (dmesg).',
  ],
  [
    () => parseScenario('{', '/tmp/usage.json', 1),
    '/tmp/usage.json: expected JSON',
    'docs/fake-gpus.md describes the format; CANHAZGPU_FAKE_USAGE names the file.',
  ],
  [() => resolveProgram('no-such-program', '/bin'), 'command not found: no-such-program'],
  [() => resolveProgram('/proc/version', undefined), 'command not executable: /proc/version'],
  [
    () => groupId('no such group'),
    "No Unix group named 'no such group'",
    "create it with 'groupadd no such group', or see 'getent group'",
  ],
  [() => parseConfig('a.toml', 'x'), 'Cannot parse the configuration a.toml: no valid TOML (line 1)'],
  [() => parseConfig('a.yaml', '- x'), 'Invalid configuration a.yaml: expected keys and values'],
]

test.each(CASES.map(([act, message, hint]) => ({ act, message, hint })))(
  '$message',
  async ({ act, message, hint }) => {
    const error = await thrown(act)
    if (!(error instanceof CanhazgpuError)) throw error
    expect({ message: error.message, hint: error.hint }).toEqual({ message, hint })
  },
)
