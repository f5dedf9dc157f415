import type { FailedCall } from '../../domain/fleet/call-end.ts'
import { endIn, FROM_HOST } from '../../domain/fleet/frames.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { utf8Text } from '../kernel/libc/memory.ts'
import { kill } from '../kernel/libc/process.ts'
import { GreetedFrames, recordIn } from './greeted.ts'
import { reasonIn } from './ssh-command.ts'

/** What a host answers to a request that needs neither input nor a terminal. */
export type HostAnswer =
  | {
      readonly kind: 'answered'
      readonly status: number
      readonly output: string
      readonly errorOutput: string
    }
  | FailedCall

const MOST_OUTPUT = 2 * 1024 * 1024
const MOST_REASON = 8192
const SSH_FAILED = 255
/** For the end of a killed process. */
const LONGEST_END_MS: Millis = 1_000
const SIGKILL = 9

type Reader = ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>

/**
 * Runs a command line that speaks like `canhazgpu __remote`, usually that of `ssh`, and returns its whole answer. Several
 * can run at once. It is ended at the deadline, or once the answer is not `needed` any longer.
 */
export async function askHost(
  argv: readonly string[],
  deadline: Millis,
  needed?: AbortSignal,
): Promise<HostAnswer> {
  let child: Bun.Subprocess<'pipe', 'pipe', 'pipe'>
  try {
    // In a session of its own, so that the keys of our terminal do not end it, and it finds no terminal to ask at.
    child = Bun.spawn([...argv], { stdin: 'pipe', stdout: 'pipe', stderr: 'pipe', detached: true })
  } catch (error) {
    return { kind: 'unreachable', reason: error instanceof Error ? error.message : String(error) }
  }
  const [output, errorOutput] = [child.stdout.getReader(), child.stderr.getReader()]
  let isLate = false
  const giveUp = () => {
    isLate = true
    end(child)
    // Another process may have inherited them from `ssh`.
    for (const each of [output, errorOutput]) void each.cancel()
  }
  const timer = setTimeout(giveUp, deadline)
  needed?.addEventListener('abort', giveUp)
  try {
    const reason = textOf(errorOutput)
    const answer = await answerIn(output)
    if (answer !== undefined) return answer
    if (isLate) return late(deadline)
    const status = await child.exited
    if (child.signalCode !== null) return late(deadline)
    const why = reasonIn(await reason) ?? `ssh ended with status ${status}`
    return { kind: status === SSH_FAILED ? 'unreachable' : 'not-understood', reason: why }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return { kind: 'not-understood', reason: error.message }
  } finally {
    clearTimeout(timer)
    needed?.removeEventListener('abort', giveUp)
    end(child)
    // This process may become another program, which must not have a child that it does not know.
    await Promise.race([child.exited, Bun.sleep(LONGEST_END_MS)])
  }
}

const late = (deadline: Millis): HostAnswer => ({
  kind: 'unreachable',
  reason: `no answer within ${deadline / 1000} s`,
})

/** Ends it with the processes of its group: `ssh` may be a script that runs the real one. */
function end({ pid, exitCode, signalCode }: Bun.Subprocess): void {
  // Later the number may be that of another process.
  if (exitCode === null && signalCode === null) kill(-pid, SIGKILL)
}

/** Undefined if the stream ends before the answer does. */
async function answerIn(reader: Reader): Promise<HostAnswer | undefined> {
  const frames = new GreetedFrames()
  const texts = { [FROM_HOST.output]: [] as string[], [FROM_HOST.errorOutput]: [] as string[] }
  const decoders = { [FROM_HOST.output]: new TextDecoder(), [FROM_HOST.errorOutput]: new TextDecoder() }
  let size = 0
  for (;;) {
    const { value: bytes, done } = await reader.read()
    if (done) return undefined
    size += bytes.length
    if (size > MOST_OUTPUT) throw new Error('the answer is too long')
    for (const { kind, content } of frames.push(bytes)) {
      switch (kind) {
        case FROM_HOST.output:
        case FROM_HOST.errorOutput:
          texts[kind].push(decoders[kind].decode(content, { stream: true }))
          break
        case FROM_HOST.end: {
          const end = endIn(recordIn(content))
          return {
            ...{ kind: 'answered', status: 'code' in end ? end.code : 1 },
            output: texts[FROM_HOST.output].join(''),
            errorOutput: texts[FROM_HOST.errorOutput].join(''),
          }
        }
        case FROM_HOST.failure:
          return { kind: 'failed', failure: recordIn(content) }
      }
    }
  }
}

async function textOf(reader: Reader): Promise<string> {
  let text = ''
  try {
    for (;;) {
      const { value: bytes, done } = await reader.read()
      if (done) return text
      text = (text + utf8Text(bytes)).slice(-MOST_REASON)
    }
  } catch {
    return text
  }
}
