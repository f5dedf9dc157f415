import type { SnapshotDocument } from '../../../src/views/schemas/dashboard.ts'
import type { TestServer } from '../web-server.ts'

export interface StreamEvent {
  readonly event: string
  readonly data: string
}

/** The events of an open `/api/events`, in order. */
export interface EventStream extends AsyncDisposable {
  next(): Promise<StreamEvent | null>
  /** The next snapshot that meets the condition. Skips other events. */
  until(condition: (snapshot: SnapshotDocument) => boolean): Promise<SnapshotDocument>
}

export async function openEvents(server: Pick<TestServer, 'get'>): Promise<EventStream> {
  const response = await server.get('/api/events')
  if (response.body === null || !response.ok) throw new Error(`no event stream: ${response.status}`)
  const reader = response.body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  const next = async (): Promise<StreamEvent | null> => {
    for (;;) {
      const end = text.indexOf('\n\n')
      if (end >= 0) {
        const block = text.slice(0, end)
        text = text.slice(end + 2)
        const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, 'm').exec(block)?.[1]
        const event = field('event')
        if (event !== undefined) return { event, data: field('data') ?? '' }
        continue
      }
      const { value, done } = await reader.read()
      if (done) return null
      text += decoder.decode(value, { stream: true })
    }
  }
  return {
    next,
    async until(condition) {
      for (;;) {
        const event = await next()
        if (event === null) throw new Error('the event stream ended')
        if (event.event !== 'snapshot') continue
        const snapshot: SnapshotDocument = JSON.parse(event.data)
        if (condition(snapshot)) return snapshot
      }
    },
    [Symbol.asyncDispose]: async () => {
      await reader.cancel().catch(() => {})
    },
  }
}
