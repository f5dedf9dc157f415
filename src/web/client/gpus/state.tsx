import { STATE_BY_NAME, type State } from '../../../views/words/status/states.ts'

export const stateClass = (state: State): string => `state-${STATE_BY_NAME[state].name}`

/** Each state has its own shape, so that states can be told apart without colour. */
export function StateMark({ state }: { readonly state: State }) {
  return (
    <svg class="state-mark" viewBox="0 0 12 12" aria-hidden="true" focusable="false">
      <path d={STATE_BY_NAME[state].mark} />
    </svg>
  )
}

export function StateBadge({ state }: { readonly state: State }) {
  return (
    <span class={`badge ${stateClass(state)}`}>
      <StateMark state={state} />
      {STATE_BY_NAME[state].label}
    </span>
  )
}
