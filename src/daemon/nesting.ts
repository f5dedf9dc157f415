/** More than any request needs. */
const DEEPEST = 16
const [QUOTE, BACKSLASH] = ['"', '\\'].map((character) => character.charCodeAt(0))
const OPENING = new Set(['{', '['].map((character) => character.charCodeAt(0)))
const CLOSING = new Set(['}', ']'].map((character) => character.charCodeAt(0)))

/** Whether a JSON text is nested too deeply: such a text takes the parser many times longer than others. */
export function isDeep(json: string): boolean {
  let depth = 0
  let isInString = false
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at)
    if (code === QUOTE) isInString = !isInString
    else if (isInString) at += code === BACKSLASH ? 1 : 0
    else if (OPENING.has(code)) depth++
    else if (CLOSING.has(code)) depth--
    if (depth > DEEPEST) return true
  }
  return false
}
