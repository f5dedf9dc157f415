import { expect, test } from 'bun:test'
import { DaemonPool } from '../../../src/app/remote/daemon-pool.ts'
import type { DaemonConnection } from '../../../src/ports/daemon-connection.ts'

const GONE = { refused: { code: 'no-such-booking', id: 'a' } }

/** The connections of a daemon that gives one answer per connection; null: it ends instead. */
function daemonWith(...answers: readonly unknown[]): DaemonPool {
  const left = [...answers]
  const connect = async (): Promise<DaemonConnection> => {
    const answer = left.shift() ?? null
    const messages: (string | null)[] = []
    let wake = () => {}
    const put = (message: string | null) => {
      messages.push(message)
      wake()
    }
    return {
      isOpen: true,
      send(...sent) {
        for (const message of sent) {
          const { n } = JSON.parse(message)
          if (n === undefined) put('{"protocol":1}')
          else put(answer === null ? null : JSON.stringify({ n, answer }))
        }
      },
      receiveSoon: () => undefined,
      async receive() {
        while (messages.length === 0) {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
        return messages.shift() ?? null
      },
      close: () => put(null),
    }
  }
  return new DaemonPool({
    ...{ socket: '/run/s', connect, clock: () => performance.now(), warn: () => {} },
    caller: { threshold: null, probeTimeout: 10_000 },
  })
}

const cancel = { op: 'cancel', id: 'a' } as const

test('a booking that was cancelled before the answer was lost has ended, also for the repeated request', async () => {
  expect(await daemonWith(null, GONE).perform(cancel)).toEqual({ kind: 'ended' })
})

test('a booking that never existed is refused, and so is any other refusal of a repeated request', async () => {
  expect(await daemonWith(GONE).perform(cancel)).toEqual(GONE as never)
  const forbidden = { refused: { code: 'forbidden' } }
  expect(await daemonWith(null, forbidden).perform(cancel)).toEqual(forbidden as never)
})
