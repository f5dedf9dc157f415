/** As many colours as people can distinguish; from Okabe and Ito, adapted to dark and light. */
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

/** For users beyond the colours. */
export const OTHERS_COLOR = '#7d8896'

/** `alice`, or `alice (bob)` where account bob uses the name alice. */
export function shownUser(user: string, account: string | undefined): string {
  return account === undefined || account === user ? user : `${user} (${account})`
}

const given = new Map<string, string>()

/** One colour per user on the whole page, in the order of their first appearance. */
export function colorOf(user: string): string {
  const known = given.get(user)
  if (known !== undefined) return known
  const color = COLORS[given.size % COLORS.length] ?? OTHERS_COLOR
  given.set(user, color)
  return color
}
