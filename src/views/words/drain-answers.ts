import type { Held } from '../../domain/operation/refusal.ts'
import type { Millis, UnitId } from '../../domain/pool/model.ts'
import { printable } from '../../domain/text/text.ts'
import { gpuWords, remainingWords } from './holders.ts'
import type { Printed } from './printed.ts'

/** The result of `drain` or `restore`: GPUs that changed, and named GPUs that did not. */
interface Changed {
  readonly changed: readonly UnitId[]
  readonly unchanged: readonly UnitId[]
}

/** The answer of `drain`. Holders are named on stderr: their GPUs are not empty yet. */
export function drainAnswer(
  answer: Changed & { readonly held: readonly Held[]; readonly now: Millis },
): Printed {
  const holders = answer.held.map((held) => holderWords(held, answer.now))
  return changedAnswer(answer, { verb: 'Drained', unchanged: 'drained already' }, holders)
}

export const restoreAnswer = (answer: Changed): Printed =>
  changedAnswer(answer, { verb: 'Restored', unchanged: 'not drained' }, [])

function changedAnswer(
  { changed, unchanged }: Changed,
  words: { readonly verb: string; readonly unchanged: string },
  notes: readonly string[],
): Printed {
  const done = changed.length === 0 ? [] : [`${words.verb} ${changed.length} GPU(s): [${changed.join(', ')}]`]
  const not =
    unchanged.length === 0 ? [] : [`${gpuWords(unchanged)} ${areWord(unchanged)} ${words.unchanged}`]
  const stderr = [...(changed.length === 0 ? [] : not), ...notes]
  return {
    stdout: linesOf(changed.length === 0 ? not : done),
    ...(stderr.length === 0 ? {} : { stderr: linesOf(stderr) }),
  }
}

const holderWords = ({ unit, owner, until }: Held, now: Millis): string =>
  `GPU ${unit} stays with ${printable(owner)}${remainingWords(until, now) || ' until the run ends'}`

const areWord = (units: readonly UnitId[]): string => (units.length === 1 ? 'is' : 'are')

const linesOf = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('')
