import { CanhazgpuError } from '../../domain/errors.ts'
import { firstLine } from './driver-text.ts'
import type { ProgramOutput } from './run-program.ts'

/** The error for a driver that cannot be read at all. The hint depends on the reason. */
export function driverFailed(driver: string, reason: string): CanhazgpuError {
  return new CanhazgpuError('driver-failed', `${driver}: ${reason}`, { hint: hintFor(reason) })
}

/** The error for output of an unknown form, which proves nothing about any GPU. */
export function notUnderstood(program: string, output: string): CanhazgpuError {
  const line = firstLine(output)
  return new CanhazgpuError(
    'driver-failed',
    line === '' ? `${program} printed nothing` : `${program} printed something unexpected: ${line}`,
    { hint: `Run ${program} by hand to see its output.` },
  )
}

const HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /version mismatch/i,
    'The driver was updated while the old one is loaded: reboot, or unload and load the nvidia kernel modules.',
  ],
  [
    /communicate with the NVIDIA driver|driver not loaded/i,
    'The NVIDIA kernel module is not loaded: try `sudo modprobe nvidia`, and reinstall the driver after a kernel update.',
  ],
  [/modprobe amdgpu|amdgpu version/i, 'The AMD kernel module is not loaded: try `sudo modprobe amdgpu`.'],
  [/is lost|requires re(set|start)|off the bus/i, 'Reboot the machine, or take the GPU out of the pool.'],
  [
    /unknown error/i,
    'If this is a container, it has lost the GPUs, for example after `systemctl daemon-reload` on the host: restart the container (see docs/containers.md). On the host, see dmesg.',
  ],
  [
    /missing the following required groups|permission|not permitted/i,
    'Add the user to the groups that may use the GPUs, and log in again: `sudo usermod -aG render,video USER`.',
  ],
]

function hintFor(reason: string): string {
  for (const [pattern, hint] of HINTS) if (pattern.test(reason)) return hint
  return 'Ask the administrator to check the driver (dmesg).'
}

/** The message of a failed program: the last line of a Python traceback, otherwise the first line. */
export function failureText(output: ProgramOutput): string {
  const traceback = output.stderr.includes('Traceback (most recent call last)')
  const message = traceback ? output.stderr.trim().split('\n').at(-1) : output.stdout.trim() || output.stderr
  const line = firstLine(message ?? '')
  if (line !== '') return line
  return output.signal === null ? `exit status ${output.exitCode}` : `killed by ${output.signal}`
}
