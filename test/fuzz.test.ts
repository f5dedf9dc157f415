import { describe, expect, test } from 'bun:test'
import { inputAt } from '../fuzz/campaign.ts'
import { keptOf } from '../fuzz/corpus.ts'
import { explore } from '../fuzz/explore.ts'
import { PARSERS } from '../fuzz/parsers.ts'

const seed = Date.now() % 1_000_000_000

describe.each(PARSERS.map((parser) => [parser.name, parser] as const))('%s', (_, parser) => {
  test(`bears what hurt it once, and a second of anything else`, async () => {
    const { executions, findings } = await explore(parser, { seed, seconds: 1 })
    expect(findings).toEqual([])
    expect(executions).toBeGreaterThan((await keptOf(parser)).length)
  })

  test('holds for the inputs that others are made from', async () => {
    for (const input of parser.seeds) await parser.check(input)
  })

  test('an input follows from its number alone', () => {
    for (const at of [0, 1, 63, 1000]) expect(inputAt(parser, 7, at)).toBe(inputAt(parser, 7, at))
    const inputs = Array.from({ length: 50 }, (_, at) => inputAt(parser, 7, at))
    expect(new Set(inputs).size).toBeGreaterThan(10)
  })
})
