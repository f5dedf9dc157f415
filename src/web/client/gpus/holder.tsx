import type { ReservationType, StatusDocument } from '../../../views/schemas/status.ts'
import { TYPES } from '../../../views/words/status/states.ts'
import { colorOf, shownUser } from '../people.ts'
import { clockTime, shortDuration } from '../time.ts'

interface HolderProps {
  readonly gpu: StatusDocument
  readonly now: number
}

/** The holder of this GPU with note, start and end, and the validation by the driver. */
export function Holder({ gpu, now }: HolderProps) {
  return (
    <div class="who">
      <Occupant gpu={gpu} now={now} />
      <Validation gpu={gpu} />
    </div>
  )
}

/** The validation text of `status`. Amber where the holder does not use the GPU, or another user does. */
function Validation({ gpu: { status, validation, processes, other_users } }: Pick<HolderProps, 'gpu'>) {
  if (validation === undefined) return null
  const isUnexpected = status === 'IN_USE' && (processes?.length === 0 || other_users !== undefined)
  return <p class={isUnexpected ? 'validation is-unexpected' : 'validation'}>validated: {validation}</p>
}

function Occupant({ gpu, now }: HolderProps) {
  switch (gpu.status) {
    case 'AVAILABLE':
      return (
        <Who name="Free" quiet>
          {gpu.last_released === undefined
            ? 'never used'
            : `for ${shortDuration(now - Date.parse(gpu.last_released))}`}
        </Who>
      )
    case 'UNRESERVED':
      return (
        <Who name={gpu.unreserved_users?.join(', ') || 'unknown user'} model={gpu.model}>
          works here without a reservation
        </Who>
      )
    case 'ERROR':
      return (
        <Who name="Not usable" quiet>
          <span class="fault-words">{gpu.error}</span>
        </Who>
      )
    case 'IN_USE':
      return <Reserved gpu={gpu} now={now} />
  }
}

function Reserved({ gpu, now }: HolderProps) {
  const user = shownUser(gpu.user ?? 'unknown user', gpu.account)
  return (
    <Who name={user} color={colorOf(user)} type={gpu.type} note={gpu.note} model={gpu.model}>
      {gpu.started_at === undefined ? null : `for ${shortDuration(now - Date.parse(gpu.started_at))}`}
      {gpu.expiry_time === undefined
        ? ' · no time limit'
        : ` · ${untilWords(Date.parse(gpu.expiry_time), now)}`}
      {gpu.error === undefined ? null : <span class="fault-words">Fault: {gpu.error}</span>}
    </Who>
  )
}

const untilWords = (end: number, now: number): string =>
  end <= now ? 'ends now' : `until ${clockTime(end, now)} (${shortDuration(end - now)} left)`

interface WhoProps {
  readonly name: string
  readonly quiet?: boolean
  readonly color?: string
  readonly type?: ReservationType | undefined
  readonly note?: string | undefined
  readonly model?: string | undefined
  readonly children: preact.ComponentChildren
}

function Who({ name, quiet, color, type, note, model, children }: WhoProps) {
  return (
    <>
      <p class="who-line">
        {color === undefined ? null : (
          <span class="swatch" style={{ backgroundColor: color }} aria-hidden="true" />
        )}
        <span class={quiet ? 'who-name is-quiet' : 'who-name'}>{name}</span>
        {type === undefined ? null : (
          <span class="chip" title={TYPES[type].lasts}>
            {TYPES[type].word}
          </span>
        )}
      </p>
      <p class="who-time">{children}</p>
      {note === undefined ? null : (
        <p class="who-note" title={note}>
          {note}
        </p>
      )}
      {model === undefined ? null : (
        <p class="who-model" title={model}>
          <span class="unseen">AI model: </span>
          {model}
        </p>
      )}
    </>
  )
}
