import { CanhazgpuError } from '../../domain/errors.ts'
import { unnamed } from '../../domain/ledger/shown-names.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { shortened } from '../../domain/text/text.ts'
import { readSmallFile } from '../files/small-file.ts'
import { currentMoment } from '../kernel/clock.ts'

/**
 * The name of each uid, or `uid 1234` if it has none or the name service does not answer in time. Names are only for
 * display.
 */
export async function userNames(uids: Iterable<number>): Promise<ReadonlyMap<number, string>> {
  const now = currentMoment().steady.ms
  const wanted = new Set(uids)
  const expired = [...wanted].filter((uid) => (known.get(uid)?.until ?? now) <= now)
  await lookUp(expired, now)
  return new Map([...wanted].map((uid) => [uid, known.get(uid)?.name ?? unnamed(uid)]))
}

/** The id of a Unix group. Throws `usage` if no group has this name or the name service does not answer. */
export async function groupId(name: string): Promise<number> {
  const id = await idOf('group', name)
  if (id !== undefined) return id
  throw new CanhazgpuError('usage', `No Unix group named '${name}'`, {
    hint: `create it with 'groupadd ${name}', or see 'getent group'`,
  })
}

/** The uid of an account; a number is a uid. Throws `usage` as `groupId`. */
export async function userId(name: string): Promise<number> {
  const id = (await idOf('passwd', name)) ?? (/^\d{1,9}$/.test(name) ? Number(name) : undefined)
  if (id !== undefined) return id
  throw new CanhazgpuError('usage', `No account named '${name}'`, { hint: "see 'getent passwd'" })
}

/** The uids of the accounts that exist. Throws `usage` if the name service does not answer. */
export async function accountIds(names: Iterable<string>): Promise<ReadonlyMap<string, number>> {
  const ids = new Map<string, number>()
  for (const name of names) {
    const id = await idOf('passwd', name)
    if (id !== undefined) ids.set(name, id)
  }
  return ids
}

/** The id by a name. Undefined if there is none. */
async function idOf(database: 'passwd' | 'group', name: string): Promise<number | undefined> {
  const local = rowIn(readLocal(`/etc/${database}`), RegExp.escape(name), ANY_ID)
  if (local !== undefined) return local.id
  const { askNameService } = await import('./name-service.ts')
  // getent would take these for an id or an option.
  const [answer] = /^\d*$|^[-+]/.test(name) ? [] : await askNameService(database, [name])
  if (answer?.kind === 'late') {
    const what = database === 'group' ? 'group' : 'account'
    throw new CanhazgpuError(
      'usage',
      `The name service did not answer whether the ${what} '${name}' exists`,
      {
        hint: `try again, or check 'getent ${database} ${name}'`,
      },
    )
  }
  const row = answer?.kind === 'found' ? rowOf(answer.line) : undefined
  return row?.name === name ? row.id : undefined
}

interface Known {
  readonly name: string | undefined
  readonly until: Millis
}

const known = new Map<number, Known>()

/** Names are read again in a long-running process: accounts are renamed, and a uid may get a name later. */
const NAMED_MS: Millis = 10 * 60_000
const UNNAMED_MS: Millis = 30_000

/** Keeps the earlier answer if the name service is late. */
async function lookUp(uids: readonly number[], now: Millis): Promise<void> {
  if (uids.length === 0) return
  const local = readLocal('/etc/passwd')
  const elsewhere: number[] = []
  for (const uid of uids) {
    const row = rowIn(local, ANY_NAME, String(uid))
    if (row === undefined) elsewhere.push(uid)
    else remember(uid, row, now)
  }
  if (elsewhere.length === 0) return
  const { askNameService } = await import('./name-service.ts')
  const answers = await askNameService('passwd', elsewhere.map(String))
  for (const [at, uid] of elsewhere.entries()) {
    const answer = answers[at]
    if (answer?.kind === 'found') remember(uid, rowOf(answer.line), now)
    else if (answer?.kind === 'absent') remember(uid, undefined, now)
  }
}

function remember(uid: number, row: Row | undefined, now: Millis): void {
  const name = row?.id === uid ? shownName(row.name) : undefined
  known.set(uid, { name, until: now + (name === undefined ? UNNAMED_MS : NAMED_MS) })
}

const LONGEST_NAME = 64

/** The name, safe to print. Undefined if it reads like the text for an account without a name. */
function shownName(name: string): string | undefined {
  const shown = shortened(name, LONGEST_NAME)
  return shown === '' || /^uid\s+\d+$/i.test(shown) ? undefined : shown
}

interface Row {
  readonly name: string
  readonly id: number
}

/** Enough for a hundred thousand accounts. */
const MOST_BYTES = 16 * 1024 * 1024

/** The text of `/etc/passwd` or `/etc/group`; empty if it cannot be read. */
export function readLocal(path: string): string {
  const text = readSmallFile(path, MOST_BYTES)
  return typeof text === 'string' ? text : ''
}

/** Comments and NIS entries (`+`, `-`) are not accounts. */
export const ANY_NAME = '[^:#+\\n-][^:\\n]*'
const ANY_ID = '\\d{1,10}'

const rowOf = (line: string): Row | undefined => rowIn(line, ANY_NAME, ANY_ID)

/** The first row of passwd(5) or group(5) (`name:password:id:…`) whose name and id match. */
function rowIn(text: string, namePattern: string, idPattern: string): Row | undefined {
  const [, name, id] = new RegExp(`^(${namePattern}):[^:\\n]*:(${idPattern}):`, 'm').exec(text) ?? []
  return name === undefined ? undefined : { name, id: Number(id) }
}
