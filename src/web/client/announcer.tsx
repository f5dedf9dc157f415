import { useEffect, useRef, useState } from 'preact/hooks'
import type { StatusDocument } from '../../views/schemas/status.ts'
import { STATE_BY_NAME } from '../../views/words/status/states.ts'
import { shownUser } from './people.ts'

/** Announces new holders to screen readers. */
export function Announcer({ status }: { readonly status: readonly StatusDocument[] }) {
  const before = useRef<ReadonlyMap<number, string> | null>(null)
  const [words, setWords] = useState('')
  useEffect(() => {
    const present = new Map(status.map((gpu) => [gpu.gpu_id, stateWords(gpu)]))
    const news = [...present].filter(
      ([id, state]) => before.current !== null && before.current.get(id) !== state,
    )
    before.current = present
    if (news.length > 0) setWords(news.map(([id, state]) => `GPU ${id}: ${state}`).join('. '))
  }, [status])
  return (
    <div class="unseen" aria-live="polite">
      {words}
    </div>
  )
}

function stateWords({ status, user, account }: StatusDocument): string {
  const { spoken } = STATE_BY_NAME[status]
  return user === undefined ? spoken : `${spoken} by ${shownUser(user, account)}`
}
