import type { Millis } from '../../../domain/pool/model.ts'
import { formatDuration } from '../../../domain/text/duration.ts'
import { printable, shortened } from '../../../domain/text/text.ts'
import type { StatusDocument } from '../../schemas/status.ts'
import { drainingMark } from '../drain-words.ts'
import type { Display } from '../printed.ts'
import { STATE_BY_NAME, TYPES } from '../status/states.ts'
import { EMPTY_CELL } from '../table.ts'

/**
 * A GPU of another host as `statusLine` shows one of this host. Its texts were written elsewhere, so they are made
 * printable here.
 */
export function gpuLine(gpu: StatusDocument, display: Display): string {
  const details = shown(gpu.details)
  const head = `GPU ${gpu.gpu_id}: ${colouredState(gpu, display)}`
  switch (gpu.status) {
    case 'AVAILABLE':
      return `${head} (${details}) ${validation(gpu)}`
    case 'IN_USE': {
      const held = `by ${holder(gpu)} for ${formatDuration(heldFor(gpu))}`
      const type = gpu.type === undefined ? '' : `${TYPES[gpu.type].word}, `
      const note = gpu.note === undefined ? '' : ` - ${shortened(gpu.note, 80)}`
      return `${head} ${held} (${type}${details})${drainingMark(gpu.drain)}${note} ${validation(gpu)}`
    }
    case 'DRAINED':
      return `${head} ${details} ${validation(gpu)}`
    case 'UNRESERVED':
      return `${head} by ${unreservedUsers(gpu)} - ${details}`
    case 'ERROR':
      return `${head} - ${details}`
  }
}

function colouredState(
  { status }: StatusDocument,
  { color }: Display,
  form: 'text' | 'short' = 'text',
): string {
  const { [form]: words, color: code } = STATE_BY_NAME[status]
  return color ? `\u001b[${code}m${words}\u001b[0m` : words
}

const LONGEST = 300

const shown = (text: string | undefined): string => shortened(printable(text ?? ''), LONGEST)

const heldFor = ({ duration_seconds: seconds = 0 }: StatusDocument): Millis => seconds * 1000

/** As `shownName`. */
function holder({ user = '', account = user }: StatusDocument): string {
  return shown(user === account ? user : `${user} (${account})`)
}

function unreservedUsers({ unreserved_users: users = [] }: StatusDocument): string {
  if (users.length === 0) return 'user unknown'
  return `${users.length === 1 ? 'user' : 'users'} ${users.map(shown).join(', ')}`
}

function validation({ error, validation: words }: StatusDocument): string {
  return error === undefined ? `[validated: ${shown(words)}]` : `[not validated: ${shown(error)}]`
}

export const GPU_COLUMNS = ['GPU', 'STATUS', 'USER', 'TYPE', 'DETAILS', 'VALIDATION']

/** A GPU of another host as a row of a table. */
export function gpuRow(gpu: StatusDocument, display: Display): readonly string[] {
  const user =
    gpu.status === 'UNRESERVED' ? (gpu.unreserved_users ?? ['unknown']).map(shown).join(', ') : holder(gpu)
  return [
    String(gpu.gpu_id),
    colouredState(gpu, display, 'short'),
    user || EMPTY_CELL,
    gpu.type === undefined ? EMPTY_CELL : TYPES[gpu.type].word,
    `${shown(gpu.details)}${drainingMark(gpu.status === 'DRAINED' ? undefined : gpu.drain)}`,
    shown(gpu.validation) || EMPTY_CELL,
  ]
}
