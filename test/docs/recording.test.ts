import { expect, test } from 'bun:test'
import { runsOf } from '../../scripts/recording/screen.ts'
import { recordSession } from '../../scripts/recording/session.ts'
import { svg } from '../../scripts/recording/svg.ts'
import { RECORDING } from '../../scripts/recording.ts'
import { root } from '../support/sources.ts'

/** The texts in a picture, without times. */
const textsOf = (picture: string): readonly string[] =>
  [...picture.matchAll(/<text .*?>(.*)<\/text>/g)].map(([, text = '']) =>
    text.replaceAll(/\d+h \d+m \d+s|(tomorrow )?\d\d:\d\d/g, 'TIME'),
  )

test(`${RECORDING} shows what the program prints; if not, record it again: bun scripts/recording.ts`, async () => {
  const recorded = await Bun.file(root + RECORDING).text()
  const now = svg({ runs: runsOf(await recordSession()), title: '' })
  expect(textsOf(recorded)).toEqual(textsOf(now))
  expect(textsOf(recorded).length).toBeGreaterThan(10)
})

test('a line that changes is there until it does; what stays has its color', () => {
  const moments = [
    { seconds: 1, text: '$ x\r\n' },
    { seconds: 2, text: '\r\u001b[2K\u001b[?7lwaiting\u001b[?7h' },
    { seconds: 3, text: '\r\u001b[2K\u001b[32mgreen\u001b[0m & bold\r\n' },
  ]
  expect(runsOf(moments)).toEqual([
    { row: 1, column: 0, text: 'waiting', style: {}, from: 2, until: 3 },
    { row: 0, column: 0, text: '$ x', style: {}, from: 1 },
    { row: 1, column: 0, text: 'green', style: { color: 32 }, from: 3 },
    { row: 1, column: 5, text: ' & bold', style: {}, from: 3 },
  ])
  expect(svg({ runs: runsOf(moments), title: '' })).toContain('> &amp; bold</text>')
})
