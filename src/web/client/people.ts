/** As many as one can tell apart, by eye and by screen; from Okabe and Ito, made to work on dark and light. */
const COLORS = [
  '#4e9ae8',
  '#e8913a',
  '#35ad85',
  '#c678c8',
  '#d4b22f',
  '#ec6a5c',
  '#7f8ff4',
  '#5cb8d6',
  '#93ad3f',
  '#e27ba0',
] as const

/** Of those beyond the colours. */
export const OTHERS_COLOR = '#7d8896'

/** `alice`, or `alice (bob)` where account bob shows itself as alice. */
export function shownUser(user: string, account: string | undefined): string {
  return account === undefined || account === user ? user : `${user} (${account})`
}

const given = new Map<string, string>()

/** The same colour for the same user everywhere on the page; by order of first appearance. */
export function colorOf(user: string): string {
  const known = given.get(user)
  if (known !== undefined) return known
  const color = COLORS[given.size % COLORS.length] ?? OTHERS_COLOR
  given.set(user, color)
  return color
}
