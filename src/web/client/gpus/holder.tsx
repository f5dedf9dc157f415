import type { DrainDocument } from '../../../views/schemas/drain.ts'
import type { PeriodDocument } from '../../../views/schemas/schedule.ts'
import type { ReservationType, StatusDocument } from '../../../views/schemas/status.ts'
import { TYPES } from '../../../views/words/status/states.ts'
import { clockTime, shortDuration } from '../time.ts'
import { colorOf, shownUser } from '../users.ts'

interface HolderProps {
  readonly gpu: StatusDocument
  readonly booked: PeriodDocument | undefined
  readonly now: number
}

/** The holder of this GPU with note, start and end, and the validation text. */
export function Holder({ gpu, booked, now }: HolderProps) {
  return (
    <div class="holder">
      <StateDetails gpu={gpu} now={now} />
      {booked === undefined ? null : <p class="holder-booked">{bookedWords(gpu, booked, now)}</p>}
      <Validation gpu={gpu} />
    </div>
  )
}

/** The validation text of `status`, in amber if the holder does not use the GPU or another user does. */
function Validation({ gpu: { status, validation, processes, other_users } }: Pick<HolderProps, 'gpu'>) {
  if (validation === undefined) return null
  const isUnexpected = status === 'IN_USE' && (processes?.length === 0 || other_users !== undefined)
  return <p class={isUnexpected ? 'validation is-unexpected' : 'validation'}>validated: {validation}</p>
}

function StateDetails({ gpu, now }: Pick<HolderProps, 'gpu' | 'now'>) {
  switch (gpu.status) {
    case 'AVAILABLE':
      return (
        <Details name="Free" quiet>
          {gpu.last_released === undefined
            ? 'never used'
            : `for ${shortDuration(now - Date.parse(gpu.last_released))}`}
        </Details>
      )
    case 'UNRESERVED':
      return (
        <Details name={gpu.unreserved_users?.join(', ') || 'unknown user'} model={gpu.model}>
          uses it without a reservation
        </Details>
      )
    case 'ERROR':
      return (
        <Details name="Not usable" quiet>
          <span class="fault-words">{gpu.error}</span>
        </Details>
      )
    case 'DRAINED':
      return (
        <Details name="Out of service" quiet>
          {gpu.drain === undefined ? null : <Drain words="drained" drain={gpu.drain} now={now} />}
          {gpu.error === undefined ? null : <span class="fault-words">Fault: {gpu.error}</span>}
        </Details>
      )
    case 'IN_USE':
      return <Reserved gpu={gpu} now={now} />
  }
}

function Reserved({ gpu, now }: Pick<HolderProps, 'gpu' | 'now'>) {
  const user = shownUser(gpu.user ?? 'unknown user', gpu.account)
  return (
    <Details name={user} color={colorOf(user)} type={gpu.type} note={gpu.note} model={gpu.model}>
      {gpu.started_at === undefined ? null : `for ${shortDuration(now - Date.parse(gpu.started_at))}`}
      {gpu.expiry_time === undefined
        ? ' · no time limit'
        : ` · ${untilWords(Date.parse(gpu.expiry_time), now)}`}
      {gpu.drain === undefined ? null : <Drain words="draining" drain={gpu.drain} now={now} />}
      {gpu.error === undefined ? null : <span class="fault-words">Fault: {gpu.error}</span>}
    </Details>
  )
}

/** `free until Fri, 09:00, booked by ann until 13:00`. */
function bookedWords(
  { status }: StatusDocument,
  { from, until, user, account }: PeriodDocument,
  now: number,
): string {
  const begin = Date.parse(from)
  const by = shownUser(user ?? 'unknown user', account)
  const end = until === undefined ? '' : ` until ${clockTime(Date.parse(until), begin)}`
  if (begin <= now) return `booked by ${by}${end}: waits for this GPU`
  if (status === 'AVAILABLE') return `free until ${clockTime(begin, now)}, booked by ${by}${end}`
  return `booked from ${clockTime(begin, now)}${end} by ${by}`
}

interface DrainProps {
  readonly words: string
  readonly drain: DrainDocument
  readonly now: number
}

/** Who drained the GPU, since when, and why. */
function Drain({ words, drain: { by, since, reason }, now }: DrainProps) {
  const start = Date.parse(since)
  return (
    <span class="drain">
      <span class="drain-words">
        {words} since {clockTime(start, now)} ({shortDuration(now - start)}) by {by}
      </span>
      {reason === undefined ? null : (
        <span class="drain-reason" title={reason}>
          {reason}
        </span>
      )}
    </span>
  )
}

const untilWords = (end: number, now: number): string =>
  end <= now ? 'ends now' : `until ${clockTime(end, now)} (${shortDuration(end - now)} left)`

interface DetailsProps {
  readonly name: string
  readonly quiet?: boolean
  readonly color?: string
  readonly type?: ReservationType | undefined
  readonly note?: string | undefined
  readonly model?: string | undefined
  readonly children: preact.ComponentChildren
}

function Details({ name, quiet, color, type, note, model, children }: DetailsProps) {
  return (
    <>
      <p class="holder-head">
        {color === undefined ? null : (
          <span class="swatch" style={{ backgroundColor: color }} aria-hidden="true" />
        )}
        <span class={quiet ? 'holder-name is-quiet' : 'holder-name'}>{name}</span>
        {type === undefined ? null : (
          <span class="chip" title={TYPES[type].lasts}>
            {TYPES[type].word}
          </span>
        )}
      </p>
      <p class="holder-time">{children}</p>
      {note === undefined ? null : (
        <p class="holder-note" title={note}>
          {note}
        </p>
      )}
      {model === undefined ? null : (
        <p class="holder-model" title={model}>
          <span class="visually-hidden">AI model: </span>
          {model}
        </p>
      )}
    </>
  )
}
