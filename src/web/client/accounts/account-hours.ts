import type { AccountDocument } from '../../../views/schemas/accounts.ts'
import type { ReportDocument } from '../../../views/schemas/usage.ts'

/** The account that has this name now, else the one that had it when its usage was recorded. */
export const uidOf = (
  name: string,
  accounts: readonly AccountDocument[],
  report: ReportDocument | null,
): number | undefined => [...accounts, ...(report?.users ?? [])].find(({ account }) => account === name)?.uid

/** The usage of the account, whatever names it had and showed. Another account may have had its name earlier. */
export function hoursOf(uid: number | undefined, { users }: ReportDocument) {
  const own = users.filter((user) => uid !== undefined && user.uid === uid)
  return {
    hours: own.reduce((sum, { gpu_hours }) => sum + gpu_hours, 0),
    share: own.reduce((sum, { percentage }) => sum + percentage, 0),
  }
}
