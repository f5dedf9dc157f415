import type { WaitingNews } from '../../app/waiting/waiting-news.ts'
import { shownName } from '../../domain/ledger/shown-accounts.ts'
import type { Millis, Request, Reservation } from '../../domain/pool/model.ts'
import { knownEnd } from '../../domain/schedule/calendar.ts'
import type { ExpectedStart } from '../../domain/schedule/expected-starts.ts'
import { printable, printableJson } from '../../domain/text/text.ts'
import { timestamp } from '../documents/status-document.ts'
import type { WaitingDocument } from '../schemas/queue.ts'
import { freeWords, obstacleDocument, obstacleWords } from './obstacle-words.ts'
import type { Output } from './printed.ts'

const ERASE_LINE = '\r\u001b[2K'
/** A line longer than the terminal is cut off: what wraps would stay when the line is erased (DECAWM). */
const UNWRAPPED = '\u001b[?7l'
const WRAPPED = '\u001b[?7h'

type Form = 'live' | 'lines' | 'json'

/** The news of a wait: one line redrawn on a terminal, one line per change elsewhere. */
export class WaitingLine {
  readonly #request: Request
  readonly #stderr: Output
  readonly #form: Form
  #shown = ''

  constructor(request: Request, { stderr, json }: { readonly stderr: Output; readonly json: boolean }) {
    this.#request = request
    this.#stderr = stderr
    this.#form = json ? 'json' : stderr.terminal ? 'live' : 'lines'
  }

  show(news: WaitingNews): void {
    const line = this.#form === 'json' ? waitingJson(news) : waitingWords(this.#request, news)
    if (line === this.#shown) return
    this.#shown = line
    this.#stderr.write(this.#form === 'live' ? `${ERASE_LINE}${UNWRAPPED}${line}${WRAPPED}` : `${line}\n`)
  }

  /** Leaves the terminal as it was found. */
  close(): void {
    if (this.#form === 'live' && this.#shown !== '') this.#stderr.write(ERASE_LINE)
  }
}

/** For programs: `{"waiting": {"position": 2, …}}`. */
function waitingJson({ position, length, free, obstacles, trouble, forecast }: WaitingNews): string {
  const waiting: WaitingDocument['waiting'] = {
    position,
    length,
    free,
    ...(obstacles.length === 0 ? {} : { unavailable_gpus: obstacles.map(obstacleDocument) }),
    ...(forecast.kind === 'at' ? { earliest_start: timestamp(forecast.at) } : {}),
    ...(trouble === undefined ? {} : { trouble }),
  }
  return printableJson({ waiting })
}

/** `Waiting for 4 GPUs: position 2 of 3, 1 free, earliest 14:32 (when alice's reservation expires)`. */
export function waitingWords(request: Request, news: WaitingNews): string {
  const place = `position ${news.position} of ${news.length}, ${freeWords(news.free, news.obstacles)}`
  const until = news.trouble === undefined ? forecastWords(news.forecast, news.now) : printable(news.trouble)
  return `Waiting for ${requestWords(request)}: ${place}, ${until}`
}

export function requestWords(request: Request): string {
  switch (request.kind) {
    case 'count':
      return request.count === 1 ? '1 GPU' : `${request.count} GPUs`
    case 'ids':
      return `GPU ${request.ids.join(', ')}`
  }
}

export function forecastWords(forecast: ExpectedStart, now: Millis): string {
  switch (forecast.kind) {
    case 'at': {
      const { after } = forecast
      if (forecast.at <= now) return 'earliest now'
      const cause = after === undefined ? '' : ` (when ${ownerOf(after)} ${endWords(after)})`
      return `earliest ${clockTime(forecast.at, now)}${cause}`
    }
    case 'unknown':
      return `earliest unknown (${unknownWords(forecast)})`
    case 'stopped':
      return 'earliest unknown (stopped)'
  }
}

function unknownWords({ after, obstacle }: Extract<ExpectedStart, { kind: 'unknown' }>): string {
  if (obstacle !== undefined) return obstacleWords(obstacle)
  if (after === undefined) return 'those before have no time limit'
  const isOverdue = knownEnd(after) < Number.POSITIVE_INFINITY
  return `${ownerOf(after)} run ${isOverdue ? 'goes on after its time limit' : 'has no time limit'}`
}

const ownerOf = (reservation: Reservation): string => `${printable(shownName(reservation))}'s`

const endWords = ({ term }: Reservation): string =>
  term.kind === 'run' ? 'run times out' : 'reservation expires'

/** Hours and minutes, with the date where it is not today. */
function clockTime(at: Millis, now: Millis): string {
  const two = (number: number) => String(number).padStart(2, '0')
  const date = new Date(at)
  const time = `${two(date.getHours())}:${two(date.getMinutes())}`
  if (date.toDateString() === new Date(now).toDateString()) return time
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${time}`
}
