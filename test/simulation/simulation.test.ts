import { describe, expect, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { campaign } from '../../simulation/campaign.ts'
import { play } from '../../simulation/episode.ts'
import { type Script, scriptOf } from '../../simulation/script.ts'

const FIXED = { from: 1, count: 150 }
const FRESH_SECONDS = process.env.CI === 'true' ? 60 : 20
const regressions = `${import.meta.dir}/regressions`

describe('the simulated world', () => {
  test(`breaks nothing in seeds ${FIXED.from} to ${FIXED.from + FIXED.count - 1}`, () => {
    for (let seed = FIXED.from; seed < FIXED.from + FIXED.count; seed++) expectSound(scriptOf(seed), seed)
  }, 120_000)

  test(
    `breaks nothing in fresh seeds for ${FRESH_SECONDS} s`,
    () => {
      const seed = Date.now() % 1_000_000_000
      const { failure, steps } = campaign({ seed, steps: Number.POSITIVE_INFINITY, seconds: FRESH_SECONDS })
      expect(failure === null ? null : broken(failure.seed, failure.outcome.violation?.message)).toBeNull()
      expect(steps).toBeGreaterThan(10_000)
    },
    (FRESH_SECONDS + 60) * 1000,
  )

  test('goes by its seed alone: the same trace, byte for byte', () => {
    for (const seed of [3, 57, 146]) {
      const once = play(scriptOf(seed), true)
      const again = play(scriptOf(seed), true)
      expect(again.lines.join('\n')).toBe(once.lines.join('\n'))
      expect([again.hash, play(scriptOf(seed)).hash]).toEqual([once.hash, once.hash])
    }
    expect(play(scriptOf(3)).hash).not.toBe(play(scriptOf(4)).hash)
  })
})

describe('what it found once stays mended', () => {
  for (const name of readdirSync(regressions)) {
    test(name, async () => {
      const script: Script = await Bun.file(`${regressions}/${name}`).json()
      expectSound(script, script.seed)
    })
  }
})

function expectSound(script: Script, seed: number): void {
  const { violation } = play(script)
  expect(violation === undefined ? null : broken(seed, violation.message)).toBeNull()
}

const broken = (seed: number, what: string | undefined): string =>
  `${what} - shrink it with: npm run simulate -- --seed ${seed} --steps 1`
