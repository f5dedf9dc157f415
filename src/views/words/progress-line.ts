import type { WaitProgress } from '../../app/waiting/wait-progress.ts'
import type { Request } from '../../domain/pool/model.ts'
import { printableJson } from '../../domain/text/text.ts'
import { waitingDocument } from '../documents/waiting-document.ts'
import { logTime } from './clock-time.ts'
import { fitted } from './fitted.ts'
import type { Output } from './printed.ts'
import { ownProgress, waitingWords } from './waiting-words.ts'

const ERASE_LINE = '\r\u001b[2K'
/** Turns wrapping off (DECAWM): if the terminal becomes narrower, erasing a wrapped line would leave a part of it. */
const UNWRAPPED = '\u001b[?7l'
const WRAPPED = '\u001b[?7h'

type Form = 'live' | 'lines' | 'json'

/**
 * Prints the progress of a waiter. On a terminal: one line, redrawn. In a log file: a line with the time for each
 * change that concerns this waiter. As JSON: an object for every change.
 */
export class ProgressLine {
  readonly #request: Request
  readonly #stderr: Output
  readonly #form: Form
  #shown = ''
  /** Whether this process already printed the progress while it ran an earlier version of this program. */
  #wasShown: boolean

  constructor(
    request: Request,
    {
      stderr,
      json,
      wasShown,
    }: { readonly stderr: Output; readonly json: boolean; readonly wasShown: boolean },
  ) {
    this.#request = request
    this.#stderr = stderr
    this.#form = json ? 'json' : stderr.terminal ? 'live' : 'lines'
    this.#wasShown = wasShown && this.#form !== 'live'
  }

  show(progress: WaitProgress): void {
    const { shown, text } = this.#drawn(progress)
    if (shown === this.#shown) return
    this.#shown = shown
    if (!this.#wasShown) this.#stderr.write(text)
    this.#wasShown = false
  }

  /** The text to write, and a key: the next text is written only if its key differs. */
  #drawn(progress: WaitProgress): { readonly shown: string; readonly text: string } {
    switch (this.#form) {
      case 'live': {
        const shown = fitted(waitingWords(this.#request, progress), this.#stderr.columns)
        return { shown, text: `${ERASE_LINE}${UNWRAPPED}${shown}${WRAPPED}` }
      }
      case 'lines': {
        const text = `${logTime(progress.now)} ${waitingWords(this.#request, progress)}\n`
        return { shown: ownProgress(progress), text }
      }
      case 'json': {
        const shown = printableJson(waitingDocument(progress))
        return { shown, text: `${shown}\n` }
      }
    }
  }

  /** Erases the line on a terminal. */
  close(): void {
    if (this.#form === 'live' && this.#shown !== '') this.#stderr.write(ERASE_LINE)
  }
}
