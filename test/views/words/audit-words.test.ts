import { expect, test } from 'bun:test'
import type { AuditedChange, AuditRecord } from '../../../src/domain/ledger/audit.ts'
import { auditDocument } from '../../../src/views/documents/audit-document.ts'
import { auditText } from '../../../src/views/words/audit-words.ts'
import { logTime } from '../../../src/views/words/clock-time.ts'

const AT = Date.UTC(2026, 2, 1, 12)
const display = { color: false, terminal: false, columns: Number.POSITIVE_INFINITY }
const students = { kind: 'group', gid: 500, name: 'students' } as const
const rule = { kind: 'rule', key: 'max-gpus', scope: { kind: 'pool' } } as const

const WORDS: readonly (readonly [AuditedChange, words: string, document: object])[] = [
  [
    { ...rule, before: null, after: 4 },
    'max-gpus: not set -> 4',
    { change: 'rule', rule: 'max-gpus', source: 'pool', before: null, after: '4' },
  ],
  [
    { ...rule, key: 'max-duration', scope: students, before: 3_600_000, after: null, reason: 'exam week' },
    'max-duration of group students: 1h -> not set  exam week',
    {
      ...{ change: 'rule', rule: 'max-duration', source: 'group', name: 'students' },
      ...{ before: '1h', after: null, reason: 'exam week' },
    },
  ],
  [
    { kind: 'drain', units: ['0', '3'], reason: 'fan\u001b[2J' },
    'GPUs 0, 3 drained  fan [2J',
    { change: 'drain', gpu_ids: [0, 3], reason: 'fan\u001b[2J' },
  ],
  [{ kind: 'restore', units: ['3'] }, 'GPU 3 restored', { change: 'restore', gpu_ids: [3] }],
  [
    { kind: 'refresh', units: ['3'] },
    'GPU 3 adopted as the driver shows now',
    { change: 'refresh', gpu_ids: [3] },
  ],
  [
    {
      ...{ kind: 'cancel', booking: '3f2a8c1e90ab', gpus: 2, from: AT, until: AT + 3_600_000 },
      owner: { account: { uid: 1000, name: 'ann' }, shownName: 'team' },
    },
    'booking 3f2a8c1e90ab of team (ann) cancelled: 2 GPUs from Sun 2026-03-01 12:00 +00:00 until Sun 2026-03-01 13:00 +00:00',
    {
      ...{ change: 'cancel', booking: '3f2a8c1e90ab', user: 'team', account: 'ann', gpus: 2 },
      ...{ from: '2026-03-01T12:00:00.000Z', until: '2026-03-01T13:00:00.000Z' },
    },
  ],
  [
    { kind: 'set-up', units: 8, provider: 'nvml', isReset: false },
    'pool set up with 8 GPUs (nvml)',
    { change: 'set-up', gpus: 8, provider: 'nvml', reset: false },
  ],
  [
    { kind: 'set-up', units: 8, provider: 'nvml', isReset: true },
    'pool set up again with 8 GPUs (nvml)',
    { change: 'set-up', gpus: 8, provider: 'nvml', reset: true },
  ],
]

const recordOf = (change: AuditedChange): AuditRecord => ({ at: AT, by: { uid: 0, name: 'root' }, change })

test.each(WORDS)('%j is shown as %j', (change, words, document) => {
  const shown = { audit: [recordOf(change)], most: 50, isAdvisory: false }
  const [, line] = auditText(shown, display).stdout?.split('\n') ?? []
  expect(line).toBe(`${logTime(AT)}  root  0    ${words}`)
  expect(auditDocument(shown)).toEqual({
    advisory: false,
    changes: [{ at: '2026-03-01T12:00:00.000Z', by: 'root', uid: 0, ...document }] as never,
  })
})

test('the account that logged in is shown if it is another one', () => {
  const record = { ...recordOf({ kind: 'restore', units: ['3'] }), login: { uid: 1000, name: 'ann' } }
  const shown = { audit: [record], most: 50, isAdvisory: false }
  expect(auditText(shown, display).stdout).toBe(
    `TIME                 BY    UID  LOGIN       CHANGE\n${logTime(AT)}  root  0    ann (1000)  GPU 3 restored\n`,
  )
  expect(auditDocument(shown).changes[0]).toMatchObject({ by: 'root', uid: 0, login: 'ann', login_uid: 1000 })
})

test('notes say how to see more, and that every user could change the record', () => {
  const audit = [recordOf({ kind: 'restore', units: ['3'] })]
  expect(auditText({ audit, most: 1, isAdvisory: true }, display).stderr).toBe(
    "The last 1 changes: '--history <count>' shows more.\nThis record is advisory: every user of this pool can write its file.\n",
  )
  expect(auditText({ audit, most: 2, isAdvisory: false }, display)).not.toHaveProperty('stderr')
  expect(auditText({ audit: [], most: 1, isAdvisory: false }, display)).toEqual({
    stdout: 'No change is recorded\n',
  })
})
