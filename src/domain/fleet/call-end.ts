import type { End } from './frames.ts'

/** How a request to another host ended. */
export type CallEnd =
  /** `isStarted`: the command had its GPUs. */
  { readonly kind: 'ended'; readonly end: End; readonly isStarted: boolean } | FailedCall

export type FailedCall =
  /** The host answered that it cannot run the command. */
  | { readonly kind: 'failed'; readonly failure: Readonly<Record<string, unknown>> }
  /** Nothing has started there. */
  | { readonly kind: 'unreachable'; readonly reason: string }
  /** Another program answers, or none. */
  | { readonly kind: 'not-understood'; readonly reason: string }
  /** The connection ended after the start of the command. */
  | { readonly kind: 'lost' }
  | { readonly kind: 'interrupted' }
  /** The command has ended, but not all of its output could be written here. */
  | { readonly kind: 'output-lost'; readonly reason: string }

/** Whether nothing of the request is left on that host, so that another one may start it. */
export const leavesNothing = (end: CallEnd): boolean =>
  end.kind === 'ended' ? !end.isStarted : !LEAVING_SOMETHING.includes(end.kind)

const LEAVING_SOMETHING: readonly CallEnd['kind'][] = ['lost', 'interrupted', 'output-lost']
