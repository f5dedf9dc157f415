import type { Database } from 'bun:sqlite'
import * as v from 'valibot'
import type { AuditRecord } from '../../../domain/ledger/audit.ts'
import { RULE_KEYS } from '../../../domain/policy/rules.ts'
import { PROVIDERS } from '../../../domain/pool/model.ts'
import { withinDates } from './history-rows.ts'

const text = v.string()
const whole = v.pipe(v.number(), v.safeInteger())
const time = v.pipe(v.number(), v.transform(withinDates))
const units = v.array(text)
const value = v.nullable(v.union([text, v.number()]))

const auditedChange = v.variant('kind', [
  v.object({
    kind: v.literal('rule'),
    key: v.picklist(RULE_KEYS),
    scope: v.variant('kind', [
      v.object({ kind: v.literal('pool') }),
      v.object({ kind: v.literal('account'), uid: whole, name: text }),
      v.object({ kind: v.literal('group'), gid: whole, name: text }),
    ]),
    before: value,
    after: value,
    reason: v.exactOptional(text),
  }),
  v.object({ kind: v.picklist(['drain', 'restore']), units, reason: v.exactOptional(text) }),
  v.object({ kind: v.literal('refresh'), units }),
  v.object({
    ...{ kind: v.literal('cancel'), booking: text, gpus: whole, from: time, until: time },
    owner: v.object({
      account: v.object({ uid: whole, name: text, userNamespace: v.exactOptional(text) }),
      shownName: text,
    }),
  }),
  v.object({
    kind: v.literal('set-up'),
    units: whole,
    provider: v.picklist(PROVIDERS),
    isReset: v.boolean(),
  }),
])

interface AuditRow {
  readonly id: number
  readonly at: number
  readonly uid: number
  readonly account: string
  readonly login_uid: number | null
  readonly login: string | null
  readonly change: string
}

/** Longer texts are not ours. They are not read, because they might not fit into memory. */
const LONGEST = 256 * 1024

const NEWEST = `
  SELECT id, at, uid, substr(account, 1, 256) AS account, login_uid, substr(login, 1, 256) AS login,
         CASE WHEN octet_length(change) <= ${LONGEST} THEN change ELSE '' END AS change
    FROM audit ORDER BY id DESC`

/** The last `most` records, newest first. One that somebody has edited into nonsense is left out. */
export function newestAudit(db: Database, most: number): readonly AuditRecord[] {
  return db
    .query<AuditRow, [number]>(`${NEWEST} LIMIT ?`)
    .all(most)
    .flatMap((row) => recordOf(row) ?? [])
}

/** The number of records that cannot be shown. */
export function unreadableAudit(db: Database): number {
  let count = 0
  for (const row of db.query<AuditRow, []>(NEWEST).iterate()) if (recordOf(row) === null) count++
  return count
}

/** Oldest first; those before the first unreadable page are missing. */
export function readableAudit(db: Database): readonly AuditRecord[] {
  const records: AuditRecord[] = []
  try {
    let last = Number.POSITIVE_INFINITY
    for (const row of db.query<AuditRow, []>(NEWEST).iterate()) {
      // Damaged pages may point back to later ones: reading them would never end.
      if (row.id >= last) break
      last = row.id
      const record = recordOf(row)
      if (record !== null) records.push(record)
    }
  } catch {
    // An older schema has no such table, or the rest of it is on a damaged page.
  }
  return records.reverse()
}

function recordOf({ at, uid, account, login_uid, login, change }: AuditRow): AuditRecord | null {
  const read = v.safeParse(auditedChange, parsed(change))
  if (!read.success) return null
  return {
    ...{ at: withinDates(at), by: { uid, name: account }, change: read.output },
    ...(login_uid === null ? {} : { login: { uid: login_uid, name: login ?? '' } }),
  }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return null
  }
}
