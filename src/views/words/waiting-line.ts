import type { WaitingNews } from '../../app/waiting/waiting-news.ts'
import type { Request } from '../../domain/pool/model.ts'
import { printableJson } from '../../domain/text/text.ts'
import { waitingDocument } from '../documents/waiting-document.ts'
import type { Output } from './printed.ts'
import { waitingWords } from './waiting-words.ts'

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
  /** Whether an earlier version of this program, in the same process, printed where the wait stands. */
  #isTold: boolean

  constructor(
    request: Request,
    { stderr, json, isTold }: { readonly stderr: Output; readonly json: boolean; readonly isTold: boolean },
  ) {
    this.#request = request
    this.#stderr = stderr
    this.#form = json ? 'json' : stderr.terminal ? 'live' : 'lines'
    this.#isTold = isTold && this.#form !== 'live'
  }

  show(news: WaitingNews): void {
    const line =
      this.#form === 'json' ? printableJson(waitingDocument(news)) : waitingWords(this.#request, news)
    if (line === this.#shown) return
    this.#shown = line
    if (this.#isTold) {
      this.#isTold = false
      return
    }
    this.#stderr.write(this.#form === 'live' ? `${ERASE_LINE}${UNWRAPPED}${line}${WRAPPED}` : `${line}\n`)
  }

  /** Leaves the terminal as it was found. */
  close(): void {
    if (this.#form === 'live' && this.#shown !== '') this.#stderr.write(ERASE_LINE)
  }
}
