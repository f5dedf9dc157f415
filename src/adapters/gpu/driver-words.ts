import { CanhazgpuError } from '../../domain/errors.ts'
import { printable, shortened } from '../../domain/text.ts'
import type { ProgramOutput } from './run-program.ts'

const MAX_LENGTH = 200

/** The first line that says something, made safe to print, shortened to 200 characters. */
export function firstLine(text: string): string {
  for (const line of text.trimStart().split(/[\r\n]/)) {
    const clean = printable(line).replace(/\s+/g, ' ')
    if (clean !== '') return shortened(clean, MAX_LENGTH + 1)
  }
  return ''
}

/** What a failed program said, in one line: its last words where it is a Python traceback, else its first. */
export function complaint(output: ProgramOutput): string {
  const traceback = output.stderr.includes('Traceback (most recent call last)')
  const said = traceback ? output.stderr.trim().split('\n').at(-1) : output.stdout.trim() || output.stderr
  const line = firstLine(said ?? '')
  if (line !== '') return line
  return output.signal === null ? `exit status ${output.exitCode}` : `killed by ${output.signal}`
}

/** A driver as a whole that cannot be asked; the hint follows from what it said. */
export function driverFailed(who: string, reason: string): CanhazgpuError {
  return new CanhazgpuError('driver-failed', `${who}: ${reason}`, { hint: hintFor(reason) })
}

/** Output that is not what the program is known to print, and so proves nothing about any GPU. */
export function notUnderstood(who: string, got: string): CanhazgpuError {
  const line = firstLine(got)
  return new CanhazgpuError(
    'driver-failed',
    line === '' ? `${who} printed nothing` : `${who} printed something unexpected: ${line}`,
    { hint: `Run ${who} by hand to see what it says.` },
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
    /permission|not permitted/i,
    'Add yourself to the groups that may use the GPUs (often `video` and `render`).',
  ],
]

function hintFor(reason: string): string {
  for (const [pattern, hint] of HINTS) if (pattern.test(reason)) return hint
  return 'Ask the administrator to look at the driver (dmesg).'
}
