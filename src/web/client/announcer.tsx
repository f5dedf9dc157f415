import { useEffect, useRef, useState } from 'preact/hooks'
import type { StatusDocument } from '../../views/schemas/status.ts'
import { STATE_BY_NAME } from '../../views/words/status/states.ts'
import { shownUser } from './users.ts'

/** Announces changes of a GPU's state or holder to screen readers. */
export function Announcer({ status }: { readonly status: readonly StatusDocument[] }) {
  const announced = useRef<ReadonlyMap<number, string> | null>(null)
  const [words, setWords] = useState('')
  useEffect(() => {
    const current = new Map(status.map((gpu) => [gpu.gpu_id, stateWords(gpu)]))
    const changes = [...current].filter(
      ([id, state]) => announced.current !== null && announced.current.get(id) !== state,
    )
    announced.current = current
    if (changes.length > 0) setWords(changes.map(([id, state]) => `GPU ${id}: ${state}`).join('. '))
  }, [status])
  return (
    <div class="visually-hidden" aria-live="polite">
      {words}
    </div>
  )
}

function stateWords({ status, user, account }: StatusDocument): string {
  const { phrase } = STATE_BY_NAME[status]
  return user === undefined ? phrase : `${phrase} by ${shownUser(user, account)}`
}
