import { CanhazgpuError } from '../../domain/errors.ts'
import { printable, shortened } from '../../domain/text/text.ts'
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

/** What the two drivers' programs print in place of a reading that this GPU does not have. */
const NO_READING = /^\[?(n\/a|not supported|amdsmi_status_not_(supported|yet_implemented)\b.*)?\]?$/i
/** Concerns the caller, not the GPU. */
const NOT_ALLOWED = /^\[?(insufficient permissions|amdsmi_status_no_perm\b.*)\]?$/i
/** Words that no name, UUID or mode has. */
const FAULTY =
  /^\[.*\]$|^err!?$|unknown error|\bis lost\b|requires? (a )?re(set|start|boot)|^unable to |^amdsmi_status_/i

/** Whether this stands in place of a reading that the GPU does not have. */
export function isNoReading(value: string): boolean {
  return NO_READING.test(value.trim())
}

/**
 * What the driver complains of in place of a number, in one line; undefined for a number and where it just
 * has none. A number that is none (`NaN`) or is negative is no complaint, and no reading either.
 */
export function complaintInNumber(value: string): string | undefined {
  const text = value.trim()
  if (isNoReading(text) || NOT_ALLOWED.test(text) || /^[-+]?(nan|inf(inity)?)$/i.test(text)) return undefined
  return /^[-+]?\d/.test(text) ? undefined : plainWords(text)
}

/** What the driver complains of in place of the memory: everything but a number and words that it has none. */
export function complaintInMemory(value: string): string | undefined {
  const text = value.trim()
  if (text === '') return 'its memory use is not reported'
  return isNoReading(text) || /^\d{1,12}(\.\d{1,6})?$/.test(text) ? undefined : plainWords(text)
}

/** What the driver complains of in place of a name, a UUID or a mode. */
export function complaintInWords(value: string): string | undefined {
  const text = value.trim()
  if (isNoReading(text) || NOT_ALLOWED.test(text)) return undefined
  return FAULTY.test(text) ? plainWords(text) : undefined
}

/** What the driver complains of in place of a value of which the form is known. */
export function complaintUnless(form: RegExp, value: string): string | undefined {
  const text = value.trim()
  return isNoReading(text) || NOT_ALLOWED.test(text) || form.test(text) ? undefined : plainWords(text)
}

/** A complaint that does not name the GPU, with the reading that it stands for: "power: ERR!". */
export function complaintOf(reading: string, words: string): string {
  return /\bgpu\b/i.test(words) ? words : `${reading}: ${words}`
}

function plainWords(text: string): string {
  return firstLine(text.replace(/^\[(.*)\]$/, '$1')) || 'the driver cannot reach it'
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
    /unknown error/i,
    'In a container: it has lost the GPUs, as after `systemctl daemon-reload` on the host. Start the container anew, see docs/containers.md. On the host: see dmesg.',
  ],
  [
    /missing the following required groups|permission|not permitted/i,
    'Add the user to the groups that may use the GPUs, and log in anew: `sudo usermod -aG render,video USER`.',
  ],
]

function hintFor(reason: string): string {
  for (const [pattern, hint] of HINTS) if (pattern.test(reason)) return hint
  return 'Ask the administrator to look at the driver (dmesg).'
}
