/**
 * Marks the text of a published part with a number, as white space that JSON allows at the end. So the check knows which
 * notice a view shows, whatever the program does with it.
 */
export const stamped = (text: string, number: number): string =>
  text + [...number.toString(2)].map((digit) => (digit === '1' ? '\t' : ' ')).join('')

export function stampOf(text: string): number {
  const marks = text.slice(text.lastIndexOf('}') + 1)
  return Number.parseInt([...marks].map((mark) => (mark === '\t' ? '1' : '0')).join(''), 2)
}
