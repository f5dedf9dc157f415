/** Colours that people can distinguish, from Okabe and Ito, adapted to dark and light pages. */
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

/** For all other users together in the chart. */
export const OTHERS_COLOR = '#7d8896'

/** `alice`, or `alice (bob)` if account bob uses the name alice. */
export function shownUser(user: string, account: string | undefined): string {
  return account === undefined || account === user ? user : `${user} (${account})`
}

const assigned = new Map<string, string>()

/** The same colour for a user everywhere on the page. Colours repeat when there are more users than colours. */
export function colorOf(user: string): string {
  const known = assigned.get(user)
  if (known !== undefined) return known
  const color = COLORS[assigned.size % COLORS.length] ?? OTHERS_COLOR
  assigned.set(user, color)
  return color
}
