import { formatWhen, parseWhen } from '../../src/domain/text/when.ts'
import { ARGUMENT_BYTES, type Parser } from '../parser.ts'
import { answerOf, checkLine, verify } from '../soundness.ts'

const HOUR_MS = 3_600_000
const NOW = Date.parse('2026-11-27T08:00:30Z')

/** The clocks of a zone without rules: they go back an hour two days later, and forward half an hour a week later. */
const here = {
  now: NOW,
  offsetAt: (at: number) => 120 - (at < NOW + 48 * HOUR_MS ? 0 : 60) + (at < NOW + 240 * HOUR_MS ? 0 : 30),
}

/** The times of `reserve --at`. */
export const times: Parser = {
  name: 'times',
  seeds: [
    ...['tomorrow 9:00', 'today 18:30', 'fri 2pm', 'friday 14:00:05', '14:00', 'in 1h30m', 'sun 9:30 am'],
    ...[
      '2026-12-01 09:00',
      '2026-12-01T09:00:00Z',
      '2026-12-01T09:00:00.5+01:00',
      'Tue 2026-12-01 09:00 +01:00',
    ],
  ],
  words: [
    ...['today', 'tomorrow', 'now', 'in ', 'mon', 'wednesday', ' ', ':', '-', '+', 't', 'z', 'am', 'pm', '.'],
    ...['12', '00', '59', '24', '2026-', '2027-02-29', '10:00', '+14:00', '0.5', '/'],
  ],
  longest: ARGUMENT_BYTES,
  check(input) {
    const at = answerOf(['usage'], () => parseWhen(input, here))
    if (at === null) return
    verify(Number.isSafeInteger(at) && at > NOW, `${at} is not a time after now`)
    const printed = formatWhen(at, here.offsetAt)
    checkLine(printed)
    const second = Math.floor(at / 1_000) * 1_000
    verify(second <= NOW || parseWhen(printed, here) === second, `${printed} is read as another time`)
  },
}
