import type { WaitProgress } from '../../app/waiting/wait-progress.ts'
import type { Request } from '../../domain/pool/model.ts'
import { printableJson } from '../../domain/text/text.ts'
import { waitingDocument } from '../documents/waiting-document.ts'
import { logTime } from './clock-time.ts'
import { ERASE_LINE, liveLine } from './live-line.ts'
import type { Output } from './printed.ts'
import { ownProgress, waitingWords } from './waiting-words.ts'

type Form = 'live' | 'lines' | 'json'

/**
 * Prints the progress of a waiter. On a terminal it redraws one line. In a log file it adds a line with the time for each
 * change that concerns this waiter. As JSON it adds an object for every change.
 */
export class ProgressLine {
  readonly #request: Request
  readonly #stderr: Output
  readonly #form: Form
  /** The key of the last text. */
  #shownKey = ''
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
    const { key, text } = this.#textFor(progress)
    if (key === this.#shownKey) return
    this.#shownKey = key
    if (!this.#wasShown) this.#stderr.write(text)
    this.#wasShown = false
  }

  /** The text to write, and its key. A text with the key of the last text is not written. */
  #textFor(progress: WaitProgress): { readonly key: string; readonly text: string } {
    switch (this.#form) {
      case 'live': {
        const text = liveLine(waitingWords(this.#request, progress), this.#stderr.columns)
        return { key: text, text }
      }
      case 'lines': {
        const text = `${logTime(progress.now)} ${waitingWords(this.#request, progress)}\n`
        return { key: ownProgress(progress), text }
      }
      case 'json': {
        const key = printableJson(waitingDocument(progress))
        return { key, text: `${key}\n` }
      }
    }
  }

  /** Makes room for a line of other text. The next progress is shown whether or not it has changed. */
  interrupt(): void {
    this.close()
    this.#shownKey = ''
    this.#wasShown = false
  }

  /** Erases the line on a terminal. */
  close(): void {
    if (this.#form === 'live' && this.#shownKey !== '') this.#stderr.write(ERASE_LINE)
  }
}
