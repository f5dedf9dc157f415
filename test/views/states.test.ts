import { describe, expect, test } from 'bun:test'
import { STATE_BY_NAME, STATES } from '../../src/views/words/status/states.ts'
import { root } from '../support/sources.ts'

const tokens = await Bun.file(`${root}src/web/client/style/tokens.css`).text()

describe('the states of a GPU', () => {
  test('each has a colour on the dashboard', () => {
    for (const { name } of Object.values(STATES)) expect(tokens).toContain(`.state-${name} {`)
  })

  test('all names, colours and shapes are distinct', () => {
    for (const field of ['json', 'name', 'text', 'color', 'label', 'phrase', 'mark'] as const) {
      const values = Object.values(STATES).map((state) => state[field])
      expect(new Set<string | number>(values).size).toBe(values.length)
    }
  })

  test('STATE_BY_NAME finds each by its JSON name', () => {
    for (const state of Object.values(STATES)) expect(STATE_BY_NAME[state.json]).toBe(state)
  })
})
