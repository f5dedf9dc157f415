/**
 * holders: a GPU had two. gone: something stayed that was over, or went before it was. line: somebody overtook.
 * books: history and report do not tell what was. ends: a command ended otherwise than it should.
 * clock: the machine's clock was set meanwhile, so that the store's times cannot be compared.
 */
export type Rule = 'holders' | 'gone' | 'line' | 'books' | 'ends' | 'clock'

export interface Violation {
  readonly rule: Rule
  readonly message: string
}

export const by =
  (rule: Rule) =>
  (message: string): Violation => ({ rule, message })
