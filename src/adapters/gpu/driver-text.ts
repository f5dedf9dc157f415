import { printable, shortened } from '../../domain/text/text.ts'

const MAX_LENGTH = 200

/** The first non-empty line, made safe to print, shortened to 200 characters. */
export function firstLine(text: string): string {
  for (const line of text.trimStart().split(/[\r\n]/)) {
    const clean = printable(line).replace(/\s+/g, ' ')
    if (clean !== '') return shortened(clean, MAX_LENGTH + 1)
  }
  return ''
}

/**
 * A complaint is the text that a driver prints in place of a value if it cannot read the value. Every complaint is a
 * fault of the GPU.
 */

/** The text of both vendors' programs in place of a reading that this GPU does not have. */
const NO_READING = /^\[?(n\/a|not supported|amdsmi_status_not_(supported|yet_implemented)\b.*)?\]?$/i
/** The caller may not read the value. This is not a fault of the GPU. */
const NOT_ALLOWED = /^\[?(insufficient permissions|amdsmi_status_no_perm\b.*)\]?$/i
/** Text that no name, UUID or mode contains. */
const FAULTY =
  /^\[.*\]$|^err!?$|unknown error|\bis lost\b|requires? (a )?re(set|start|boot)|^unable to |^amdsmi_status_/i

/** Whether this text means that the GPU does not have the reading. */
export function isNoReading(value: string): boolean {
  return NO_READING.test(value.trim())
}

/**
 * The complaint in place of a number, in one line. Undefined for a number, and for a reading that the GPU does not
 * have. `NaN` and negative numbers are neither complaints nor readings.
 */
export function complaintInNumber(value: string): string | undefined {
  const text = value.trim()
  if (isNoReading(text) || NOT_ALLOWED.test(text) || /^[-+]?(nan|inf(inity)?)$/i.test(text)) return undefined
  return /^[-+]?\d/.test(text) ? undefined : withoutBrackets(text)
}

/** The complaint in place of the memory: anything but a number or the text for a missing reading. */
export function complaintInMemory(value: string): string | undefined {
  const text = value.trim()
  if (text === '') return 'its memory use is not reported'
  return isNoReading(text) || /^\d{1,12}(\.\d{1,6})?$/.test(text) ? undefined : withoutBrackets(text)
}

/** The complaint in place of a name, a UUID or a mode. */
export function complaintInText(value: string): string | undefined {
  const text = value.trim()
  if (isNoReading(text) || NOT_ALLOWED.test(text)) return undefined
  return FAULTY.test(text) ? withoutBrackets(text) : undefined
}

/** The complaint in place of a value that has this form. */
export function complaintUnless(form: RegExp, value: string): string | undefined {
  const text = value.trim()
  return isNoReading(text) || NOT_ALLOWED.test(text) || form.test(text) ? undefined : withoutBrackets(text)
}

/** The complaint; if it does not mention the GPU, with the name of the reading: "power: ERR!". */
export function withReadingName(reading: string, complaint: string): string {
  return /\bgpu\b/i.test(complaint) ? complaint : `${reading}: ${complaint}`
}

function withoutBrackets(text: string): string {
  return firstLine(text.replace(/^\[(.*)\]$/, '$1')) || 'the driver cannot reach it'
}
