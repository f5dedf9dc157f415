import { CanhazgpuError } from '../../domain/errors.ts'
import { printable } from '../../domain/text/text.ts'

const LONGEST = 200

/** Reads a text that others will see; throws `usage` where nothing of it could be shown, or too much. */
export function shownText(flag: string): (text: string) => string {
  return (text) => {
    const shown = printable(text)
    if (shown.length > 0 && shown.length <= LONGEST) return shown
    throw new CanhazgpuError(
      'usage',
      `Invalid value for ${flag}: expected 1 to ${LONGEST} visible characters`,
    )
  }
}
