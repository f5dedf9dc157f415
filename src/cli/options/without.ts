import type { Option } from './option.ts'
import { isOption, optionIn, valueAfter } from './parse.ts'

/** The numbers of the words that remain without the options of these names and their values. The words are valid. */
export function withoutOptions(
  words: readonly string[],
  options: readonly Option[],
  dropped: readonly string[],
): readonly number[] {
  const kept: number[] = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    if (!isOption(word)) {
      kept.push(at)
      continue
    }
    const { option, attached } = optionIn(word, options)
    const value = attached ?? valueAfter(option, words[at + 1], {})
    const length = attached === undefined && value !== undefined ? 2 : 1
    if (!dropped.includes(option.name)) for (let each = 0; each < length; each++) kept.push(at + each)
    at += length - 1
  }
  return kept
}
