import { describe, expect, test } from 'bun:test'
import { inputAt } from '../fuzz/campaign.ts'
import { storedInputs } from '../fuzz/corpus.ts'
import { explore } from '../fuzz/explore.ts'
import { PARSERS } from '../fuzz/parsers.ts'

const seed = Date.now() % 1_000_000_000

describe.each(PARSERS.map((parser) => [parser.name, parser] as const))('%s', (_, parser) => {
  test('has no flaw for its stored inputs, and for a second of new ones', async () => {
    const { executions, findings } = await explore(parser, { seed, seconds: 1 })
    expect(findings).toEqual([])
    expect(executions).toBeGreaterThan((await storedInputs(parser)).length)
  })

  test('has no flaw for its valid inputs', async () => {
    for (const input of parser.seeds) await parser.check(input)
  })

  test('an input depends only on the seed and its number', () => {
    for (const at of [0, 1, 63, 1000]) expect(inputAt(parser, 7, at)).toBe(inputAt(parser, 7, at))
    const inputs = Array.from({ length: 50 }, (_, at) => inputAt(parser, 7, at))
    expect(new Set(inputs).size).toBeGreaterThan(10)
  })
})
