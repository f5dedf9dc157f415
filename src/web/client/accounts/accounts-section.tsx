import type { AccountDocument } from '../../../views/schemas/accounts.ts'
import type { PolicyDocument } from '../../../views/schemas/policy.ts'
import type { QueueDocument } from '../../../views/schemas/queue.ts'
import type { BookingDocument } from '../../../views/schemas/schedule.ts'
import type { ReportDocument } from '../../../views/schemas/usage.ts'
import { useJson } from '../api.ts'
import { uidOf } from './account-hours.ts'
import { AccountsTable } from './accounts-table.tsx'
import { useChosenAccount } from './chosen-account.ts'
import { OwnAccount } from './own-account.tsx'

interface AccountsSectionProps {
  readonly policy: PolicyDocument | null
  readonly queue: readonly QueueDocument[]
  readonly bookings: readonly BookingDocument[]
  /** Changes when the accounts must be fetched again. */
  readonly refreshKey: string
  readonly now: number
}

/** Use and limits of one account that the reader chooses, and of all. */
export function AccountsSection({ policy, queue, bookings, refreshKey, now }: AccountsSectionProps) {
  const [chosen, choose] = useChosenAccount()
  const accounts = useJson<readonly AccountDocument[]>('/api/accounts', refreshKey)
  const report = useJson<ReportDocument>('/api/report?days=30', refreshKey)
  const all = accounts.last ?? []
  const names = [...all.flatMap(({ account }) => account ?? []), ...accountsIn(report.last), ...given(chosen)]
  return (
    <section class="panel" aria-labelledby="accounts-heading">
      <div class="panel-head">
        <h2 id="accounts-heading">Use and limits</h2>
        <div class="account-choice">
          <label for="account">Account</label>
          <select
            id="account"
            value={chosen ?? ''}
            onChange={({ currentTarget: { value } }) => choose(value || null)}
          >
            <option value="">choose yours</option>
            {[...new Set(names)].sort().map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </div>
      </div>
      {accounts.kind === 'failed' ? <p class="failure">Cannot load the accounts: {accounts.reason}</p> : null}
      {chosen === null || accounts.last === null ? null : (
        <OwnAccount
          name={chosen}
          uid={uidOf(chosen, all, report.last)}
          account={all.find(({ account }) => account === chosen)}
          policy={policy}
          places={queue.filter(({ account }) => account === chosen)}
          bookings={bookings.filter(({ account, begun_at }) => account === chosen && begun_at === undefined)}
          month={report.last}
          refreshKey={refreshKey}
          now={now}
        />
      )}
      {accounts.last === null ? null : <AccountsTable accounts={accounts.last} chosen={chosen} now={now} />}
    </section>
  )
}

const accountsIn = (report: ReportDocument | null): readonly string[] =>
  report?.users.map(({ account }) => account) ?? []

const given = (chosen: string | null): readonly string[] => (chosen === null ? [] : [chosen])
