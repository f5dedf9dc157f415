import type { Millis } from '../../domain/pool/model.ts'

const running = new Set<Promise<unknown>>()

/** Notes a child of this process, with its end. */
export function noteChild(ended: Promise<unknown>): void {
  running.add(ended)
  ended.finally(() => running.delete(ended))
}

/** Resolves when every noted child has ended and is reaped, at the latest after `limit`. */
export async function childrenEnded(limit: Millis): Promise<void> {
  if (running.size === 0) return
  const late = Promise.withResolvers<void>()
  const timer = setTimeout(late.resolve, limit)
  await Promise.race([Promise.all(running), late.promise])
  clearTimeout(timer)
}
