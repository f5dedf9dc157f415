import { expect, test } from 'bun:test'
import { staleFailure } from '../../../src/views/words/stale-words.ts'

test('the line about stale readings has their cause, their age and the remedy', () => {
  const cause = {
    code: 'driver-unresponsive',
    message: 'The driver did not answer within 10 s',
    hint: 'see dmesg',
  } as const
  const shown = staleFailure({ since: 1_000_000, failure: cause }, 1_250_000)
  expect(shown).toMatchObject({
    code: 'driver-unresponsive',
    message:
      'The driver did not answer within 10 s - the readings are 0h 4m 10s old, and nothing is granted until it answers',
    hint: 'see dmesg',
  })
})
