import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { hideFields, Redaction } from '../../../src/domain/diagnosis/redaction.ts'

test('the same name has the same alias everywhere, and other words stay', () => {
  const redaction = new Redaction()
  redaction.hide('user', 'al')
  redaction.hide('user', 'ann')
  redaction.hide('host', 'box.lab')
  redaction.hide('note', 'secret (v1)')
  expect(redaction.text('al holds 3, all available: ann@box.lab, al - secret (v1)')).toBe(
    'user-1 holds 3, all available: user-2@host-1, user-1 - note-1',
  )
})

test('a longer secret is replaced as a whole', () => {
  const redaction = new Redaction()
  redaction.hide('user', 'ann')
  redaction.hide('command', 'python3 /home/ann/train.py')
  expect(redaction.text('python3 /home/ann/train.py by ann')).toBe('command-1 by user-1')
})

test('names in paths of home folders', () => {
  const redaction = new Redaction()
  redaction.hideHomes('Used: /home/zoe/.canhazgpu.yaml, /home/li-na:')
  expect(redaction.text('/home/zoe/bin, li-na')).toBe('/home/user-1/bin, user-2')
})

test('accounts of the system stay', () => {
  const redaction = new Redaction()
  for (const name of ['root', '', ' ', 'unknown']) redaction.hide('user', name)
  expect(redaction.text('root is unknown')).toBe('root is unknown')
})

describe('the fields of documents', () => {
  const document = {
    host: 'gpu-box',
    gpus: [
      {
        ...{ user: 'Ann B (ann)', note: 'paper', gpu_model: 'H100', details: 'Ann B for 2h - paper' },
        processes: [{ name: '/opt/x/python -m secret', user: 'ben', pid: 7 }],
        ...{
          other_users: ['cy'],
          drain: { by: 'dan', reason: 'fan of cy' },
          error: 'GPU is lost',
          reason: { code: 'reported' },
        },
      },
    ],
    rules: [{ rule: 'max-gpus', name: 'eve', source: 'account' }],
  }

  test('are replaced; keys, models and codes stay', () => {
    const redaction = new Redaction()
    hideFields(document, redaction)
    const text = JSON.stringify(redaction.value(document))
    for (const secret of ['gpu-box', 'Ann', 'ann', 'paper', 'secret', 'ben', 'cy', 'dan', 'fan', 'eve']) {
      expect(text).not.toMatch(new RegExp(`\\b${secret}\\b`))
    }
    for (const kept of ['H100', 'max-gpus', '"processes"', 'GPU is lost', 'reported', '"pid":7']) {
      expect(text).toContain(kept)
    }
  })

  test('no secret of any form survives', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (user, note) => {
        const redaction = new Redaction()
        hideFields({ user, note }, redaction)
        const values = Object.values(redaction.value({ user, note }) as object)
        const isShown = (secret: string) =>
          !['', 'root', 'unknown'].includes(secret.trim()) && values.includes(secret)
        // A secret can look like an alias.
        return [user, note].every((secret) => /^(user|note)-\d$/.test(secret) || !isShown(secret))
      }),
    )
  })
})
