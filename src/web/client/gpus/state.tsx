import type { StatusDocument } from '../../../views/schemas/status.ts'

export type State = StatusDocument['status']

export const STATE_WORDS: Readonly<Record<State, string>> = {
  AVAILABLE: 'Available',
  IN_USE: 'In use',
  UNRESERVED: 'Unreserved',
  ERROR: 'Fault',
}

export const stateClass = (state: State): string => `state-${state.toLowerCase()}`

/** A shape of its own for each state: circle, square, triangle, cross. Readable without colour. */
export function StateMark({ state }: { readonly state: State }) {
  return (
    <svg class="state-mark" viewBox="0 0 12 12" aria-hidden="true" focusable="false">
      <path d={SHAPES[state]} />
    </svg>
  )
}

const SHAPES: Readonly<Record<State, string>> = {
  AVAILABLE: 'M6 .8a5.2 5.2 0 1 1 0 10.4A5.2 5.2 0 0 1 6 .8zm0 2.2a3 3 0 1 0 0 6 3 3 0 0 0 0-6z',
  IN_USE:
    'M2.4 1.2h7.2a1.2 1.2 0 0 1 1.2 1.2v7.2a1.2 1.2 0 0 1-1.2 1.2H2.4a1.2 1.2 0 0 1-1.2-1.2V2.4a1.2 1.2 0 0 1 1.2-1.2z',
  UNRESERVED: 'M6 .9 11.6 11H.4z',
  ERROR: 'M2.5 1 6 4.5 9.5 1 11 2.5 7.5 6 11 9.5 9.5 11 6 7.5 2.5 11 1 9.5 4.5 6 1 2.5z',
}

export function StateBadge({ state }: { readonly state: State }) {
  return (
    <span class={`badge ${stateClass(state)}`}>
      <StateMark state={state} />
      {STATE_WORDS[state]}
    </span>
  )
}
