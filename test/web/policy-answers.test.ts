import { describe, expect, test } from 'bun:test'
import type { Account, Limit, Scope } from '../../src/domain/pool/model.ts'
import { PolicyAnswers } from '../../src/web/policy-answers.ts'
import { manualOf, NOON, owner, poolOf, units, waiterOf } from '../domain/pool/builders.ts'

const ANN = owner(1001, 'ann')
const BEN = owner(1002, 'ben')
const STUDENTS: Scope = { kind: 'group', gid: 500, name: 'students' }

const maxGpus = (value: number, scope: Scope): Limit => ({
  ...{ key: 'max-gpus', value, scope, by: { uid: 0, name: 'root' }, at: 0 },
})

/** Answers that remember for which accounts the groups were looked up. */
function answersWith(groups: ReadonlyMap<number, readonly number[]>) {
  const asked: string[] = []
  const answers = new PolicyAnswers(async (accounts) => {
    asked.push(...accounts.map(({ name }) => name))
    return groups
  }, true)
  return { answers, asked }
}

const stateOf = (limits: readonly Limit[], inside?: Account) => ({
  moment: NOON,
  pool: poolOf(units(4), {
    reservations: [
      manualOf({ id: 'a', units: [0], owner: ANN }),
      ...(inside === undefined
        ? []
        : [manualOf({ id: 'b', units: [1], owner: { account: inside, shownName: 'root' } })]),
    ],
    queue: [waiterOf({ owner: BEN, groups: [500] })],
    policy: { allocation: 'lru', limits },
  }),
})

const mostOf = (documents: Awaited<ReturnType<PolicyAnswers['accounts']>>) =>
  documents.map(({ account, limits, unknown_limits }) => [
    account,
    limits.find(({ rule }) => rule === 'max-gpus')?.amount,
    unknown_limits,
  ])

describe('the limits of accounts', () => {
  const limits = [maxGpus(4, { kind: 'pool' }), maxGpus(2, STUDENTS)]

  test('the groups of a waiting command count; those of other accounts are looked up', async () => {
    const { answers, asked } = answersWith(new Map([[1001, [7, 500]]]))
    expect(mostOf(await answers.accounts(stateOf(limits)))).toEqual([
      ['ann', 2, undefined],
      ['ben', 2, undefined],
    ])
    expect(asked).toEqual(['ann'])
  })

  test('if the groups are not known, the limit is named as unknown', async () => {
    const { answers } = answersWith(new Map())
    const [ann] = mostOf(await answers.accounts(stateOf(limits)))
    expect(ann).toEqual(['ann', undefined, ['max-gpus']])
  })

  test('without a limit of a group, no groups are looked up', async () => {
    const { answers, asked } = answersWith(new Map())
    const [ann] = mostOf(await answers.accounts(stateOf([maxGpus(4, { kind: 'pool' })])))
    expect(ann).toEqual(['ann', 4, undefined])
    expect(asked).toEqual([])
  })

  test('an account in a user namespace has no name and no groups of the machine', async () => {
    const { answers, asked } = answersWith(new Map([[0, [500]]]))
    const inside = { uid: 0, name: 'root', userNamespace: '4026532000' }
    const documents = await answers.accounts(stateOf(limits, inside))
    expect(documents.find((document) => document.user_namespaces)).toMatchObject({ gpus: 1, gpu_ids: [1] })
    expect(mostOf(documents)).toContainEqual([undefined, 4, undefined])
    expect(asked).toEqual(['ann'])
  })

  test('clients that ask about one state of the pool share one answer', async () => {
    const { answers, asked } = answersWith(new Map())
    const state = stateOf(limits)
    const [one, other] = await Promise.all([answers.accounts(state), answers.accounts(state)])
    expect(one).toBe(other)
    expect(asked).toEqual(['ann'])
  })
})
