import type { Greeting } from '../../../src/app/remote/protocol.ts'
import type { CheckedRequest } from '../../../src/daemon/requests.ts'

/** What a hostile client does, by its name. */
export type Abuses = Readonly<Record<string, () => Promise<void>>>

/** The socket of the daemon, and the name of the abuse. */
export const [path = '', abuse = ''] = process.argv.slice(2)

export interface Client {
  readonly send: (message: CheckedRequest | Greeting | string) => void
  readonly answers: string[]
  readonly socket: Bun.Socket<undefined>
  isOpen: boolean
}

export async function connect(isReading = true): Promise<Client> {
  const answers: string[] = []
  let unwritten = Buffer.alloc(0)
  const socket = await Bun.connect<undefined>({
    unix: path,
    socket: {
      data(_, bytes) {
        const parts = bytes.toString().split('\n')
        answers[Math.max(0, answers.length - 1)] = (answers.at(-1) ?? '') + (parts[0] ?? '')
        answers.push(...parts.slice(1))
      },
      drain(open) {
        unwritten = unwritten.subarray(Math.max(0, open.write(unwritten)))
      },
      close() {
        client.isOpen = false
      },
      error() {
        client.isOpen = false
      },
    },
  })
  if (!isReading) socket.pause()
  const client: Client = {
    ...{ answers, socket, isOpen: true },
    send(message) {
      const bytes = Buffer.from(typeof message === 'string' ? message : `${JSON.stringify(message)}\n`)
      const written = unwritten.length > 0 ? 0 : Math.max(0, socket.write(bytes))
      unwritten = Buffer.concat([unwritten, bytes.subarray(written)])
    },
  }
  return client
}

export async function greeted(isReading = true): Promise<Client> {
  const client = await connect(isReading)
  client.send({ protocol: 1 })
  return client
}

/** Tells the parent process that the abuse is under way. */
export const ready = (facts: object = {}): void => console.log(JSON.stringify(facts))
/** Lets other events happen. */
export const breathe = () => new Promise((resolve) => setTimeout(resolve, 1))
export const times = (count: number) => Array.from({ length: count }, (_, at) => at)
