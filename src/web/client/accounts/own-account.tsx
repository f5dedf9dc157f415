import type { AccountDocument } from '../../../views/schemas/accounts.ts'
import type { PolicyDocument } from '../../../views/schemas/policy.ts'
import type { QueueDocument } from '../../../views/schemas/queue.ts'
import type { BookingDocument } from '../../../views/schemas/schedule.ts'
import type { ReportDocument } from '../../../views/schemas/usage.ts'
import { useJson } from '../api.ts'
import { valueWords } from '../policy-section.tsx'
import { Fact } from '../summary.tsx'
import { clockTime, shortDuration } from '../time.ts'
import { hoursOf } from './account-hours.ts'
import { type AccountLimits, limitsOf, sourceWords, usedWords } from './account-limits.ts'

interface OwnAccountProps {
  readonly name: string
  /** Undefined if no document names it. */
  readonly uid: number | undefined
  /** Undefined if it has nothing now and no limit of its own. */
  readonly account: AccountDocument | undefined
  readonly policy: PolicyDocument | null
  /** Its requests in the queue. */
  readonly places: readonly QueueDocument[]
  /** Those of its bookings that have not begun. */
  readonly bookings: readonly BookingDocument[]
  /** The report of the last 30 days. */
  readonly month: ReportDocument | null
  readonly refreshKey: string
  readonly now: number
}

/** Use and limits of the chosen account. */
export function OwnAccount(props: OwnAccountProps) {
  const { name, uid, account, policy, places, bookings, month, refreshKey, now } = props
  const week = useJson<ReportDocument>('/api/report?days=7', refreshKey)
  const limits = limitsOf(account, policy)
  const gpus = limits.rule('max-gpus')
  const waiting = limits.rule('max-waiting')
  return (
    <section class="own" aria-label={`Account ${name}`}>
      <Fact title="GPUs now" value={usedWords(account?.gpus ?? 0, gpus)}>
        {joined(account === undefined ? '' : gpuWords(account), sourceWords(gpus) || 'no limit')}
      </Fact>
      <Fact title="Next end" value={nextEnd(account, now)}>
        {endWords(account, now)}
      </Fact>
      <Fact title="Waiting" value={usedWords(account?.waiting ?? places.length, waiting)}>
        {joined(places.map(({ position }) => `#${position}`).join(', '), sourceWords(waiting))}
      </Fact>
      <LongestTime limits={limits} />
      <Bookings limits={limits} bookings={bookings} now={now} />
      <Hours title="Last 7 days" report={week.last} uid={uid} />
      <Hours title="Last 30 days" report={month} uid={uid} />
    </section>
  )
}

const joined = (...parts: readonly string[]): string => parts.filter((part) => part !== '').join(' · ')

const gpuWords = ({ gpu_ids }: AccountDocument): string =>
  gpu_ids.length === 0 ? '' : `GPU ${gpu_ids.join(', ')}`

function nextEnd(account: AccountDocument | undefined, now: number): string {
  if (account?.next_end === undefined) return '–'
  const left = Date.parse(account.next_end) - now
  return left <= 0 ? 'any moment' : `in ${shortDuration(left)}`
}

function endWords(account: AccountDocument | undefined, now: number): string {
  if (account === undefined || account.gpus === 0) return 'has no GPU'
  if (account.next_end === undefined) return 'no known end'
  const end = `at ${clockTime(Date.parse(account.next_end), now)} at the latest`
  if (account.allowed_at === undefined) return end
  return `${end}; one more GPU is allowed from ${clockTime(Date.parse(account.allowed_at), now)}`
}

interface LimitsProps {
  readonly limits: AccountLimits
}

function LongestTime({ limits }: LimitsProps) {
  const longest = limits.rule('max-duration')
  const usual = limits.rule('default-duration')
  const withoutLimit =
    usual === undefined || usual.value === null ? '' : `${valueWords(usual)} if you name none`
  return (
    <Fact title="Longest reservation" value={longest === undefined ? '–' : valueWords(longest)}>
      {joined(sourceWords(longest), withoutLimit)}
    </Fact>
  )
}

/** Nothing for an account that cannot book GPUs and has no booking. */
function Bookings({ limits, bookings, now }: Pick<OwnAccountProps, 'bookings' | 'now'> & LimitsProps) {
  const [next] = bookings
  const ahead = limits.rule('max-booked-ahead')
  if (next === undefined && limits.rule('bookings')?.value !== 'on') return null
  const begin = next === undefined ? '' : `next: ${clockTime(Date.parse(next.from), now)}`
  return (
    <Fact title="Bookings" value={String(bookings.length)}>
      {joined(begin, ahead === undefined ? '' : `at most ${valueWords(ahead)} ahead`)}
    </Fact>
  )
}

interface HoursProps {
  readonly title: string
  readonly report: ReportDocument | null
  readonly uid: number | undefined
}

function Hours({ title, report, uid }: HoursProps) {
  if (report === null)
    return (
      <Fact title={title} value="–">
        {''}
      </Fact>
    )
  const { hours, share } = hoursOf(uid, report)
  return (
    <Fact title={title} value={`${hours.toFixed(1)} GPU h`}>
      {share.toFixed(1)} % of all
    </Fact>
  )
}
