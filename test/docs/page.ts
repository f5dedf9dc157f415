import { describe, expect, test } from 'bun:test'
import { needing } from '../support/needs.ts'
import { type TestPool, testPool } from '../support/pool.ts'
import { type Example, examplesOf } from './examples.ts'
import { normal } from './normal.ts'
import { NOT_RUN } from './not-run.ts'
import { type Call, callsOf, hasItsGpus, installPrograms } from './programs.ts'
import { missingIn, typing } from './typing.ts'

/** In which an example of a page is tried. */
export interface Situation {
  /** The default: eight free GPUs. */
  readonly pool?: () => Promise<TestPool>
  readonly before?: (pool: TestPool) => Promise<unknown>
  /** What others do while the example waits in the queue. */
  readonly meanwhile?: (pool: TestPool) => Promise<unknown>
  /** What is typed instead of words of the page, such as the id of a booking. */
  readonly instead?: (pool: TestPool) => Promise<Readonly<Record<string, string>>>
  /** A program that must be installed. */
  readonly needs?: string
  /** The exit status of a script. */
  readonly status?: number
  /** It does not end by itself: it is ended when it has printed what the page shows. */
  readonly serves?: true
  /** It prints this only on a terminal. */
  readonly onTerminal?: true
  /** What else differs from run to run. */
  readonly varying?: RegExp | readonly RegExp[]
  /** Examines the calls of the stand-in programs. The default: each can use GPUs. */
  readonly check?: (calls: readonly Call[], pool: TestPool) => unknown
}

export type Situations = Readonly<Record<string, Situation>>

/** Types all that the page says, each example in its situation, and compares what is printed with the page. */
export function testPage(page: string, situations: Situations = {}): void {
  const examples = examplesOf(page)
  const reasons = NOT_RUN[page] ?? {}
  describe(page, () => {
    test('has the examples of which the tests speak', () => {
      const named = [...Object.keys(situations), ...Object.keys(reasons)]
      const names = examples.map(({ name }) => name)
      expect(named.filter((name) => !names.includes(name))).toEqual([])
    })
    for (const example of examples) {
      if (example.name in reasons) continue
      const situation = situations[example.name] ?? {}
      const needs = [example.shell, situation.needs ?? example.shell]
      needing(...needs).concurrent(example.name, () => tryOut(example, situation))
    }
  })
}

async function tryOut({ steps, shell }: Example, situation: Situation): Promise<void> {
  using pool = await (situation.pool ?? (() => testPool(8)))()
  installPrograms(pool)
  await situation.before?.(pool)
  const instead = Object.entries((await situation.instead?.(pool)) ?? {})
  const varying = [situation.varying ?? []].flat()
  const comparable = (text: string): string =>
    varying.reduce((rest, each) => rest.replaceAll(each, '~'), normal(text, pool))
  for (const step of steps) {
    const typed = instead.reduce((words, [shown, real]) => words.replaceAll(shown, real), step.typed)
    const trial = { pool, shell, step: { ...step, typed }, situation, comparable }
    const printed = await typing(trial)
    const missing = missingIn(trial, printed)
    if (missing.length > 0) throw new Error(differenceOf(typed, missing, printed))
  }
  const calls = callsOf(pool)
  if (situation.check) await situation.check(calls, pool)
  else expect(calls.filter((call) => !hasItsGpus(call))).toEqual([])
}

const differenceOf = (typed: string, missing: readonly string[], printed: string): string =>
  `$ ${typed}\nthe page shows:\n${missing.join('\n')}\nprinted was:\n${printed}`
