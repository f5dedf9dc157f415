import { statSync } from 'node:fs'
import type { Millis } from '../../domain/pool/model.ts'
import { readExamined } from '../files/small-file.ts'
import { steadyNow } from '../kernel/clock.ts'
import type { FileStatus } from '../kernel/libc/paths.ts'
import { ANY_NAME, readLocal } from './users.ts'

const SUBUID = '/etc/subuid'
const PASSWD = '/etc/passwd'

/** An account can connect thousands of times a second. A change of a file counts sooner than a command starts. */
const EXAMINE_EVERY_MS: Millis = 5

/** Enough for twenty thousand accounts. */
const MOST_BYTES = 1024 * 1024
/** Smaller uids are of the system (UID_MIN of login.defs(5)). Root and services own the uids of containers of many people. */
const FIRST_ORDINARY_UID = 1_000
const GROUP_AND_OTHERS_WRITE = 0o022

/** Uids that belong to an account (subuid(5)). The processes of its rootless containers have them. */
export interface SubordinateRange {
  readonly owner: number
  readonly first: number
  readonly count: number
}

/** The owners of subordinate uids by the files of this machine, which are read again when they change. */
export class SubordinateUids {
  #read = ''
  #examinedAt: Millis = Number.NEGATIVE_INFINITY
  #ranges: readonly SubordinateRange[] = []
  #accounts: ReadonlySet<number> = new Set()

  /**
   * The account whose subordinate uid this is. Undefined if it is of no account, of several, or of a system account, or
   * if it is the uid of an account itself.
   */
  ownerOf(uid: number): number | undefined {
    if (uid < FIRST_ORDINARY_UID) return undefined
    this.#examineFiles(steadyNow())
    return this.#accounts.has(uid) ? undefined : ownerIn(this.#ranges, uid)
  }

  #examineFiles(now: Millis): void {
    if (now - this.#examinedAt < EXAMINE_EVERY_MS) return
    this.#examinedAt = now
    const version = `${versionOf(SUBUID)} ${versionOf(PASSWD)}`
    if (version !== this.#read) this.#readFiles(version)
  }

  #readFiles(version: string): void {
    const passwd = readLocal(PASSWD)
    const subuid = readExamined(SUBUID, MOST_BYTES, refuseForeign)
    this.#ranges = 'text' in subuid ? rangesIn(subuid.text, passwd) : []
    this.#accounts = new Set(accountsIn(passwd).values())
    this.#read = version
  }
}

/** The ranges of ordinary accounts in the text of subuid(5). It names an account of passwd(5), or a uid. */
export function rangesIn(subuid: string, passwd: string): readonly SubordinateRange[] {
  const accounts = accountsIn(passwd)
  const ranges: SubordinateRange[] = []
  for (const [, name = '', first, count] of subuid.matchAll(/^([^:#\n]+):(\d{1,10}):(\d{1,10})$/gm)) {
    const owner = accounts.get(name) ?? (/^\d{1,10}$/.test(name) ? Number(name) : undefined)
    if (owner !== undefined) ranges.push({ owner, first: Number(first), count: Number(count) })
  }
  return ranges
}

/** The only owner of the ranges with this uid; undefined if there is none, or it is an account of the system. */
export function ownerIn(ranges: readonly SubordinateRange[], uid: number): number | undefined {
  const matching = ranges.filter(({ first, count }) => uid >= first && uid < first + count)
  const [owner, ...others] = new Set(matching.map((range) => range.owner))
  return owner === undefined || others.length > 0 || owner < FIRST_ORDINARY_UID ? undefined : owner
}

/** The uids of the accounts in the text of passwd(5), by name. */
function accountsIn(passwd: string): ReadonlyMap<string, number> {
  const rows = passwd.matchAll(new RegExp(`^(${ANY_NAME}):[^:\\n]*:(\\d{1,10}):`, 'gm'))
  return new Map(rows.map(([, name = '', uid]) => [name, Number(uid)]))
}

/** Another account could give itself the uids of a third one. */
const refuseForeign = ({ uid, mode }: FileStatus): string | undefined =>
  uid === 0 && (mode & GROUP_AND_OTHERS_WRITE) === 0 ? undefined : 'others than root can change it'

/** Changes with the file. */
function versionOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false })
  return found === undefined ? '' : `${found.ino} ${found.mtimeMs} ${found.size}`
}
