import { formatDuration, parseDuration } from '../../src/domain/text/duration.ts'
import { ARGUMENT_BYTES, type Parser } from '../parser.ts'
import { answerOf, checkLine, verify } from '../soundness.ts'

const DAY_MS = 86_400_000

export const durations: Parser = {
  name: 'durations',
  seeds: ['30s', '30m', '2h', '1d', '0.5h', '1h30m', '1d2h3m4s', '.5d', '365d', '8h0m0s'],
  words: ['s', 'm', 'h', 'd', '.', '-', '+', ' ', 'ms', 'w', '1', '0', '30', '0.0001', 'e', '1h', '30m'],
  longest: ARGUMENT_BYTES,
  check(input) {
    const ms = answerOf(['usage'], () => parseDuration(input))
    if (ms === null) return
    verify(Number.isInteger(ms) && ms >= 1_000 && ms <= 365 * DAY_MS, `${ms} ms`)
    const printed = formatDuration(ms)
    checkLine(printed)
    verify(
      parseDuration(printed.replaceAll(' ', '')) === Math.floor(ms / 1_000) * 1_000,
      `${printed} is read as another duration`,
    )
  },
}
