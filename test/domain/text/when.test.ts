import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { CanhazgpuError } from '../../../src/domain/errors.ts'
import { formatWhen, type LocalOffset, parseWhen } from '../../../src/domain/text/when.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** A Friday. */
const NOW = Date.parse('2026-11-27T08:00:30Z')
const berlin = offsetIn('Europe/Berlin')
const here = { now: NOW, offsetAt: berlin }

describe('in Berlin on Friday 2026-11-27 at 09:00:30', () => {
  test.each([
    ['tomorrow 9:00', '2026-11-28T09:00:00+01:00'],
    ['tomorrow 9am', '2026-11-28T09:00:00+01:00'],
    ['Tomorrow  9:30 PM', '2026-11-28T21:30:00+01:00'],
    ['today 18:30', '2026-11-27T18:30:00+01:00'],
    ['today 12am', null],
    ['today 12pm', '2026-11-27T12:00:00+01:00'],
    ['fri 14:00', '2026-11-27T14:00:00+01:00'],
    ['friday 2pm', '2026-11-27T14:00:00+01:00'],
    ['fri 9:00', '2026-12-04T09:00:00+01:00'],
    ['thu 9:00', '2026-12-03T09:00:00+01:00'],
    ['sat 00:00', '2026-11-28T00:00:00+01:00'],
    ['14:00', '2026-11-27T14:00:00+01:00'],
    ['9:00', '2026-11-28T09:00:00+01:00'],
    ['9:00:31', '2026-11-27T09:00:31+01:00'],
    ['in 2h', '2026-11-27T11:00:30+01:00'],
    ['in 1h30m', '2026-11-27T10:30:30+01:00'],
    ['2026-12-01 09:00', '2026-12-01T09:00:00+01:00'],
    ['2026-12-01 9am', '2026-12-01T09:00:00+01:00'],
    ['2026-12-01T09:00', '2026-12-01T09:00:00+01:00'],
    ['2027-07-01 09:00', '2027-07-01T09:00:00+02:00'],
    ['tue 2026-12-01 09:00', '2026-12-01T09:00:00+01:00'],
    ['2026-12-01T09:00:00Z', '2026-12-01T09:00:00Z'],
    ['2026-12-01t09:00:00.25z', '2026-12-01T09:00:00.250Z'],
    ['2026-12-01T09:00:00.123456+01:00', '2026-12-01T09:00:00.123+01:00'],
    ['2026-12-01T09:00:00-05:30', '2026-12-01T09:00:00-05:30'],
    ['2026-12-01 09:00 +05:45', '2026-12-01T09:00:00+05:45'],
    ['2026-11-27 09:00 +01:00', null],
    ['2025-12-01 09:00', null],
  ])('%p is %p', (text, expected) => {
    if (expected === null) expect(() => parseWhen(text, here)).toThrow(/has passed$/)
    else expect(parseWhen(text, here)).toBe(Date.parse(expected))
  })

  test.each([
    ['now', "Invalid time 'now': a booking begins later"],
    ['fri', "Invalid time 'fri': the time of day is missing"],
    ['tomorrow', "Invalid time 'tomorrow': the time of day is missing"],
    ['2026-12-01', "Invalid time '2026-12-01': the time of day is missing"],
    ['fri 9', "Invalid time 'fri 9': '9' is not a time of day"],
    ['today 9:00', "Invalid time 'today 9:00': Fri 2026-11-27 09:00 +01:00 has passed"],
    ['25:00', "Invalid time '25:00': '25:00' is not a time of day"],
    ['24:00', "Invalid time '24:00': '24:00' is not a time of day"],
    ['9:60', "Invalid time '9:60': '9:60' is not a time of day"],
    ['13pm', "Invalid time '13pm': '13pm' is not a time of day"],
    ['0:30am', "Invalid time '0:30am': '0:30am' is not a time of day"],
    ['2027-02-29 9:00', "Invalid time '2027-02-29 9:00': 2027-02-29 is not a date"],
    ['wed 2026-12-01 9:00', "Invalid time 'wed 2026-12-01 9:00': 2026-12-01 is a Tuesday"],
    ['someday 9:00', "Invalid time 'someday 9:00': 'someday' is not a day"],
    ['tomorrow 9:00Z', "Invalid time 'tomorrow 9:00Z': an offset needs a date"],
    [
      '2027-03-28 02:30',
      "Invalid time '2027-03-28 02:30': Sun 2027-03-28 02:30 does not exist: the clocks go from +01:00 to +02:00",
    ],
    ['2027-10-31 02:30', "Invalid time '2027-10-31 02:30': Sun 2027-10-31 02:30 happens twice"],
    ['in 2 hours', "Invalid duration '2 hours': not a duration"],
    ['in -2h', "Invalid duration '-2h': a duration is positive"],
    ['2026-12-01 09:00 +24:00', /'\+24:00' is not an offset from UTC$/],
    ['2026-12-01 09:00 -01:60', /'-01:60' is not an offset from UTC$/],
    ['01/02 9:00', /a date is written year-month-day/],
    ['1.2. 9:00', /a date is written year-month-day/],
    ['9:00 tomorrow', /not a time$/],
    ['', /not a time$/],
    ['9', /'9' is not a time of day$/],
    ['+01:00', /not a time$/],
    ['9.30', /year-month-day/],
    [`${' '.repeat(200)}9:00`, /not a time$/],
  ])('%p is refused', (text, message) => {
    expect(() => parseWhen(text, here)).toThrow(
      expect.objectContaining({
        code: 'usage',
        message: typeof message === 'string' ? message : expect.stringMatching(message),
        hint: expect.stringMatching(/use for example|write|leave/),
      }),
    )
  })

  test('a time that happens twice is offered with both offsets, and each is accepted', () => {
    const hint = hintOf('2027-10-31 02:30')
    expect(hint).toBe("write 'Sun 2027-10-31 02:30 +02:00' or 'Sun 2027-10-31 02:30 +01:00'")
    const [summer = 0, winter = 0] = quoted(hint).map((text) => parseWhen(text, here))
    expect(winter - summer).toBe(HOUR)
  })

  test.each([
    '',
    'in two hours',
    '2026-12-01 09:00 +24:00',
    '01/02 9:00',
    'fri',
    'tomorrow',
    '9',
    'fri 9',
    'someday',
    '25:00',
  ])('the examples after %p are accepted, or complete it', (text) => {
    for (const example of quoted(hintOf(text))) expect(parseWhen(example, here)).toBeGreaterThan(NOW)
  })
})

describe('at a change of the clocks', () => {
  /** 2011-12-30 did not exist in Apia. */
  const apia = { now: Date.parse('2011-12-29T00:00:00Z'), offsetAt: offsetIn('Pacific/Apia') }

  test.each(['tomorrow 9:00', 'fri 9:00', '2011-12-30 23:59'])('%s in Apia is a skipped day', (text) => {
    const now = Date.parse('2011-12-29T20:00:00-10:00')
    expect(() => parseWhen(text, { ...apia, now })).toThrow(
      /does not exist: the clocks go from -10:00 to \+14:00/,
    )
  })

  test('half an hour on Lord Howe is skipped or repeated', () => {
    const lordHowe = { now: NOW, offsetAt: offsetIn('Australia/Lord_Howe') }
    expect(() => parseWhen('2027-10-03 02:15', lordHowe)).toThrow(/the clocks go from \+10:30 to \+11:00/)
    expect(() => parseWhen('2027-04-04 01:45', lordHowe)).toThrow(/happens twice/)
    expect(parseWhen('2027-04-04 01:29', lordHowe)).toBe(Date.parse('2027-04-04T01:29:00+11:00'))
  })

  test('a time that was skipped or repeated earlier today is tomorrow', () => {
    const afterSpring = { now: Date.parse('2027-03-28T12:00:00+02:00'), offsetAt: berlin }
    expect(parseWhen('2:30', afterSpring)).toBe(Date.parse('2027-03-29T02:30:00+02:00'))
    const afterAutumn = { now: Date.parse('2027-10-31T12:00:00+01:00'), offsetAt: berlin }
    expect(parseWhen('2:30', afterAutumn)).toBe(Date.parse('2027-11-01T02:30:00+01:00'))
    const between = { now: Date.parse('2027-10-31T02:45:00+02:00'), offsetAt: berlin }
    expect(() => parseWhen('2:30', between)).toThrow(/happens twice/)
  })

  const changes = Intl.supportedValuesOf('timeZone').flatMap(changesIn)

  test('every zone with a change of its clocks is tested', () => {
    const zones = new Set(changes.map(({ zone }) => zone))
    for (const zone of ['Australia/Lord_Howe', 'Pacific/Apia', 'Antarctica/Troll', 'Africa/Casablanca']) {
      expect(zones).toContain(zone)
    }
    expect(zones.size).toBeGreaterThan(100)
  })

  test('in every zone, a local time has as many meanings as clocks show it', () => {
    const change = fc.record({
      change: fc.constantFrom(...changes),
      minutes: fc.integer({ min: -26 * 60, max: 26 * 60 }),
    })
    fc.assert(
      fc.property(change, ({ change: { at, offsetAt }, minutes }) => {
        const local = at + offsetAt(at) * MINUTE + minutes * MINUTE
        const meant = meaningsOf(local, offsetAt)
        const text = new Date(local).toISOString().slice(0, 16)
        const read = () => parseWhen(text, { now: at - 3 * DAY, offsetAt })
        if (meant.length === 1) expect(read()).toBe(meant[0] ?? 0)
        else expect(read).toThrow(meant.length === 0 ? /does not exist/ : /happens twice/)
      }),
      { numRuns: 3_000 },
    )
  })

  test('in every zone, a time of day is the next time at which clocks show it', () => {
    const typed = fc.record({
      change: fc.constantFrom(...changes),
      before: fc.integer({ min: -DAY, max: 2 * DAY }),
      minute: fc.integer({ min: 0, max: 24 * 60 - 1 }),
    })
    fc.assert(
      fc.property(typed, ({ change: { at, offsetAt }, before, minute }) => {
        const now = at - before
        const clock = new Date(minute * MINUTE).toISOString().slice(11, 16)
        try {
          const read = parseWhen(clock, { now, offsetAt })
          const next = timesFrom(now).find((time) => shownClock(time, offsetAt) === clock)
          expect(read).toBe(next ?? 0)
        } catch (error) {
          expect(error).toBeInstanceOf(CanhazgpuError)
          expect(error).toHaveProperty('message', expect.stringMatching(/does not exist|happens twice/))
        }
      }),
      { numRuns: 300 },
    )
  })

  test('a printed time reads back as the same time, in every zone', () => {
    const time = fc.record({
      change: fc.constantFrom(...changes),
      seconds: fc.integer({ min: 1, max: 400 * 86_400 }),
    })
    fc.assert(
      fc.property(time, ({ change: { at, offsetAt }, seconds }) => {
        const now = at - 2 * DAY
        const when = now + seconds * 1_000
        expect(parseWhen(formatWhen(when, offsetAt), { now, offsetAt })).toBe(when)
      }),
      { numRuns: 3_000 },
    )
  })
})

test('every text gives a future time or a refusal', () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: fc.constantFrom(...'0123456789:-+tz.amp ', 'in ', 'fri ', 'today ', '2026-12-') }),
    fc.string({ unit: 'grapheme' }),
  )
  fc.assert(
    fc.property(text, (any) => {
      try {
        const at = parseWhen(any, here)
        expect(Number.isSafeInteger(at) && at > NOW).toBe(true)
      } catch (error) {
        expect(error).toBeInstanceOf(CanhazgpuError)
        expect(error).toHaveProperty('code', 'usage')
      }
    }),
    { numRuns: 5_000 },
  )
})

/** The offset of a named time zone. */
function offsetIn(timeZone: string): LocalOffset {
  const format = new Intl.DateTimeFormat('en-US', {
    ...{ timeZone, hourCycle: 'h23' },
    ...{ year: 'numeric', month: 'numeric', day: 'numeric' },
    ...{ hour: 'numeric', minute: 'numeric', second: 'numeric' },
  })
  return (at) => {
    const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]))
    const { year = 0, month = 1, day, hour, minute, second } = parts
    const local = Date.UTC(year, month - 1, day, hour, minute, second)
    return Math.round((local - Math.floor(at / 1_000) * 1_000) / MINUTE)
  }
}

interface Change {
  readonly zone: string
  /** The first moment with the new offset. */
  readonly at: number
  readonly offsetAt: LocalOffset
}

/** The changes of a zone's clocks in some years. */
function changesIn(zone: string): readonly Change[] {
  const offsetAt = offsetIn(zone)
  const changes: Change[] = []
  for (const [from, until] of [
    ['2011-12-01', '2012-01-31'],
    ['2026-01-01', '2027-12-31'],
  ] as const) {
    for (let day = Date.parse(from); day < Date.parse(until); day += 7 * DAY) {
      let [before, after] = [day, day + 7 * DAY]
      if (offsetAt(before) === offsetAt(after)) continue
      while (after - before > MINUTE) {
        const middle = Math.floor((before + after) / 2 / MINUTE) * MINUTE
        if (offsetAt(middle) === offsetAt(before)) before = middle
        else after = middle
      }
      changes.push({ zone, at: after, offsetAt })
    }
  }
  return changes
}

/** All times at which clocks show this local time, by trying every offset. */
function meaningsOf(local: number, offsetAt: LocalOffset): readonly number[] {
  const offsets = Array.from({ length: 30 * 4 + 1 }, (_, quarter) => quarter * 15 - 15 * 60)
  return offsets.map((offset) => local - offset * MINUTE).filter((at) => at + offsetAt(at) * MINUTE === local)
}

/** Every full minute after `now`, for two days. */
const timesFrom = (now: number): readonly number[] =>
  Array.from({ length: 2 * 24 * 60 }, (_, minute) => (Math.floor(now / MINUTE) + 1 + minute) * MINUTE)

const shownClock = (at: number, offsetAt: LocalOffset): string => formatWhen(at, offsetAt).slice(15, 20)

function hintOf(text: string): string {
  try {
    parseWhen(text, here)
  } catch (error) {
    if (error instanceof CanhazgpuError) return error.hint ?? ''
  }
  throw new Error(`accepted: ${text}`)
}

const quoted = (hint: string): readonly string[] =>
  [...hint.matchAll(/'([^']+)'/g)].map(([, text]) => text ?? '')
