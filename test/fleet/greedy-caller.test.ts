import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { closeSync, constants, existsSync, openSync, readSync } from 'node:fs'
import {
  FROM_CALLER,
  FROM_HOST,
  FrameReader,
  frame,
  GREETING,
  INPUT_WINDOW,
} from '../../src/domain/fleet/frames.ts'
import { encodeRequest } from '../../src/domain/fleet/remote-request.ts'
import { untilAllFree } from '../support/job.ts'
import { binary, type TestPool, testPool } from '../support/pool.ts'
import { until } from '../support/until.ts'

/** A caller that breaks the agreement with the host. What it sends is not collected there. */
describe('a caller that sends more than it may', () => {
  let pool: TestPool
  beforeAll(async () => {
    pool = await testPool(1)
  })
  afterAll(() => pool[Symbol.dispose]())
  beforeEach(() => untilAllFree(pool))

  const COMMAND = ['sh', '-c', "trap 'echo HUP >&2; exit' HUP; echo ready; while :; do sleep 0.01; done"]

  const requestFor = (commandLine: readonly string[]): string =>
    encodeRequest(
      { operation: 'command', command: 'run', words: [], commandLine, folder: '/', environment: [] },
      'test',
    ) ?? ''

  /** The side of the host, as `ssh` starts it, with a command that reads no input. */
  async function started() {
    const host = Bun.spawn([binary, '__remote', requestFor(COMMAND)], {
      ...{ env: pool.env, stdin: 'pipe', stdout: 'pipe', stderr: 'ignore' },
    })
    const send = async (...bytes: Uint8Array[]) => {
      for (const each of bytes) host.stdin.write(each)
      await host.stdin.flush()
    }
    const frames = new HostFrames(host.stdout)
    await frames.until(FROM_HOST.granted)
    await send(frame(FROM_CALLER.go))
    await frames.until(FROM_HOST.output)
    return { host, send, frames }
  }

  const input = (size: number) => frame(FROM_CALLER.input, new Uint8Array(size))

  test('input up to the window is accepted, and more ends the connection', async () => {
    const { host, send, frames } = await started()
    const half = INPUT_WINDOW / 2
    await send(input(half), input(half), frame(FROM_CALLER.ping))
    await frames.until(FROM_HOST.pong)
    // The pipe of the command holds a part of it, and the caller was not told of more room.
    await send(input(half))
    const failure = JSON.parse(await frames.until(FROM_HOST.failure))
    expect(failure).toEqual({ code: 'connection-lost', message: 'the caller sent more input than it may' })
    await host.exited
    await untilAllFree(pool)
  })

  test('a frame that is too long ends the connection', async () => {
    const { host, send, frames } = await started()
    await send(new Uint8Array([FROM_CALLER.input.charCodeAt(0), 255, 255, 255, 255]))
    expect(JSON.parse(await frames.until(FROM_HOST.failure)).message).toBe('a frame is too long')
    await host.exited
    await untilAllFree(pool)
  })

  test('a caller that does not read gets no more answers to its pings', async () => {
    const { folder } = pool
    const command = ['sh', '-c', `trap 'touch ${folder}/got; exit' TERM; while :; do sleep 0.01; done`]
    await pool.sh(`mkfifo ${folder}/answers`)
    using answers = openPipe(`${folder}/answers`)
    const host = Bun.spawn(['sh', '-c', `exec $CHG __remote ${requestFor(command)} > ${folder}/answers`], {
      ...{ env: pool.env, stdin: 'pipe', stderr: 'ignore' },
    })
    const pings = 300_000
    await until('it is granted', () => answers.drain().includes(FROM_HOST.granted))
    host.stdin.write(frame(FROM_CALLER.go))
    host.stdin.write(Buffer.concat(Array.from({ length: pings }, () => frame(FROM_CALLER.ping))))
    host.stdin.write(frame(FROM_CALLER.signal, new Uint8Array([15])))
    await host.stdin.flush()
    await until('all of them have arrived', () => existsSync(`${folder}/got`))
    await until('it has ended', () => {
      answers.drain()
      return host.exitCode !== null
    })
    // A quarter of a megabyte in its memory, and what the pipe holds.
    expect(answers.count(FROM_HOST.pong)).toBeLessThan(pings / 3)
  })
})

/** A pipe that is open, and read only when it is drained. */
function openPipe(path: string) {
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  const buffer = Buffer.alloc(65536)
  let all = ''
  return {
    /** All that has arrived so far. */
    drain(): string {
      for (;;) {
        try {
          all += buffer.toString('latin1', 0, readSync(fd, buffer))
        } catch {
          return all
        }
      }
    },
    count: (kind: string): number => all.split(kind).length - 1,
    [Symbol.dispose]: () => closeSync(fd),
  }
}

/** The frames of a host, one after the other. */
class HostFrames {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>
  readonly #frames = new FrameReader()
  #isGreeted = false
  #arrived: { readonly kind: string; readonly content: Uint8Array }[] = []

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#reader = stream.getReader()
  }

  /** The content of the next frame of this kind; others are dropped. */
  async until(kind: string): Promise<string> {
    for (;;) {
      const next = this.#arrived.shift()
      if (next?.kind === kind) return new TextDecoder().decode(next.content)
      if (next === undefined) await this.#read()
    }
  }

  async #read(): Promise<void> {
    const { value, done } = await this.#reader.read()
    if (done) throw new Error('the host has ended')
    const bytes = this.#isGreeted ? value : value.subarray(GREETING.length)
    this.#isGreeted = true
    this.#arrived.push(...this.#frames.push(bytes))
  }
}
