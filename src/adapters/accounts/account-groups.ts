import type { Millis } from '../../domain/pool/model.ts'
import { currentMoment } from '../kernel/clock.ts'
import { askNameService } from './name-service.ts'
import { ANY_NAME, readLocal } from './users.ts'

/**
 * The Unix groups of accounts by the user database of the machine, which a new login of the account gets. An account is
 * missing if it is not there or the name service has not answered in time.
 */
export async function groupsOfAccounts(
  uids: readonly number[],
): Promise<ReadonlyMap<number, readonly number[]>> {
  const now = currentMoment().steady.ms
  const expired = uids.filter((uid) => (known.get(uid)?.until ?? now) <= now)
  if (expired.length > 0) await lookUp(expired, now)
  return new Map(
    uids.flatMap((uid) => {
      const groups = known.get(uid)?.groups
      return groups === undefined ? [] : [[uid, groups] as const]
    }),
  )
}

interface Known {
  /** Undefined: the database does not have the account. */
  readonly groups: readonly number[] | undefined
  readonly until: Millis
}

const known = new Map<number, Known>()
const KNOWN_MS: Millis = 60_000

/** Keeps the earlier answer if the name service is late. */
async function lookUp(uids: readonly number[], now: Millis): Promise<void> {
  const until = now + KNOWN_MS
  const accounts = await namedAccounts(uids, (uid) => known.set(uid, { groups: undefined, until }))
  const answers = await askNameService(
    'initgroups',
    accounts.map(({ name }) => name),
  )
  for (const [at, { uid, name, gid }] of accounts.entries()) {
    const answer = answers[at]
    if (answer === undefined || answer.kind === 'late') continue
    // musl's getent has no initgroups: then the file of the machine is the database.
    const others =
      answer.kind === 'found' ? groupsIn(answer.line) : memberships(readLocal('/etc/group'), name)
    known.set(uid, { groups: [...new Set([gid, ...others])], until })
  }
}

interface NamedAccount {
  readonly uid: number
  readonly name: string
  readonly gid: number
}

async function namedAccounts(
  uids: readonly number[],
  onAbsent: (uid: number) => void,
): Promise<readonly NamedAccount[]> {
  const local = readLocal('/etc/passwd')
  const found = uids.map((uid) => accountIn(local, uid))
  const elsewhere = uids.filter((_, at) => found[at] === undefined)
  const answers = elsewhere.length === 0 ? [] : await askNameService('passwd', elsewhere.map(String))
  const others = elsewhere.map((uid, at) => {
    const answer = answers[at]
    if (answer?.kind === 'absent') onAbsent(uid)
    return answer?.kind === 'found' ? accountIn(answer.line, uid) : undefined
  })
  // getent would take these names for an id or an option.
  return [...found, ...others].flatMap((account) =>
    account === undefined || /^\d*$|^[-+]/.test(account.name) ? [] : [account],
  )
}

/** The row of this uid in the text of passwd(5). */
function accountIn(text: string, uid: number): NamedAccount | undefined {
  const [, name, gid] = new RegExp(`^(${ANY_NAME}):[^:\\n]*:${uid}:(\\d{1,10}):`, 'm').exec(text) ?? []
  return name === undefined ? undefined : { uid, name, gid: Number(gid) }
}

/** `ann 27 1001`, as `getent initgroups` prints it. */
const groupsIn = (line: string): readonly number[] => (line.match(/(?<= )\d{1,10}(?= |$)/g) ?? []).map(Number)

/** The groups in the text of group(5) that list the account as a member. */
function memberships(text: string, name: string): readonly number[] {
  const groups: number[] = []
  for (const [, gid, members = ''] of text.matchAll(/^[^:#\n]+:[^:\n]*:(\d{1,10}):([^:\n]*)$/gm)) {
    if (members.split(',').includes(name)) groups.push(Number(gid))
  }
  return groups
}
