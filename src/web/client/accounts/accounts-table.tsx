import type { AccountDocument } from '../../../views/schemas/accounts.ts'
import { valueWords } from '../policy-section.tsx'
import { clockTime } from '../time.ts'
import { colorOf } from '../users.ts'
import { limitsOf, usedWords } from './account-limits.ts'

const COLUMNS: readonly string[] = ['Account', 'GPUs', 'Waiting', 'Longest', 'Next end']
const MOST_SHOWN = 200

interface AccountsTableProps {
  readonly accounts: readonly AccountDocument[]
  readonly chosen: string | null
  readonly now: number
}

/** Use and limits of every account that holds GPUs, waits or has a limit of its own. */
export function AccountsTable({ accounts, chosen, now }: AccountsTableProps) {
  if (accounts.length === 0) return <p class="panel-more">No account holds a GPU or waits.</p>
  const columns = accounts.some(({ bookings }) => bookings > 0) ? [...COLUMNS, 'Bookings'] : COLUMNS
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard can scroll only an element that can have the focus
    <section class="scroll accounts" tabIndex={0} aria-label="Use and limits of all accounts">
      <table class="stacked">
        <thead>
          <tr>
            {columns.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {accounts.slice(0, MOST_SHOWN).map((account, at) => (
            <AccountRow
              key={account.account ?? at}
              account={account}
              showsBookings={columns.includes('Bookings')}
              isChosen={account.account !== undefined && account.account === chosen}
              now={now}
            />
          ))}
        </tbody>
      </table>
      {accounts.length > MOST_SHOWN ? (
        <p class="panel-more">{accounts.length - MOST_SHOWN} more with fewer GPUs and requests</p>
      ) : null}
    </section>
  )
}

interface AccountRowProps {
  readonly account: AccountDocument
  readonly showsBookings: boolean
  readonly isChosen: boolean
  readonly now: number
}

function AccountRow({ account, showsBookings, isChosen, now }: AccountRowProps) {
  const limits = limitsOf(account, null)
  const longest = limits.rule('max-duration')
  const most = limits.rule('max-gpus')?.amount
  const isFull = most !== undefined && account.gpus >= most
  const name = account.account ?? 'rootless containers (count as one)'
  return (
    <tr class={isChosen ? 'is-chosen' : undefined}>
      <th scope="row">
        <span class="swatch" style={{ backgroundColor: colorOf(name) }} aria-hidden="true" /> {name}
      </th>
      <td data-name="GPUs" class={isFull ? 'queue-limit' : undefined}>
        {usedWords(account.gpus, limits.rule('max-gpus'))}
        {isFull ? ' (limit reached)' : ''}
      </td>
      <td data-name="Waiting">{usedWords(account.waiting, limits.rule('max-waiting'))}</td>
      <td data-name="Longest">{longest === undefined ? 'depends on its groups' : valueWords(longest)}</td>
      <td data-name="Next end">
        {account.next_end === undefined ? '' : clockTime(Date.parse(account.next_end), now)}
      </td>
      {showsBookings ? <td data-name="Bookings">{account.bookings}</td> : null}
    </tr>
  )
}
