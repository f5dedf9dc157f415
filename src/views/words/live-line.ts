import { fitted } from './fitted.ts'

/** Erases the last line of a terminal. */
export const ERASE_LINE = '\r\u001b[2K'
/** Turns wrapping off (DECAWM). If the terminal becomes narrower, a wrapped line could not be erased completely. */
const UNWRAPPED = '\u001b[?7l'
const WRAPPED = '\u001b[?7h'

/** Replaces the last line of a terminal by a text, cut to the width. */
export const liveLine = (text: string, columns: number): string =>
  `${ERASE_LINE}${UNWRAPPED}${fitted(text, columns)}${WRAPPED}`
