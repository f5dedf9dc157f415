import { currentMoment } from '../kernel/clock.ts'
import { findPath } from '../kernel/libc/paths.ts'

/**
 * Asks the machine's name service (LDAP, SSSD, …) through `getent`, in child processes: a call into the C library
 * would block this process for as long as a server is silent.
 */

/** `absent`: no such name, or no `getent` to ask. `late`: no answer in time. */
export type NameAnswer =
  | { readonly kind: 'found'; readonly line: string }
  | { readonly kind: 'absent' }
  | { readonly kind: 'late' }

/** Names are optional: in each period, all name queries of this process together wait at most this long. */
const MOST_WAIT_MS = 500
const PERIOD_MS = 30_000

const MOST_CHILDREN = 8
const MOST_BYTES = 64 * 1024
/** Time for a killed child to exit. The command that `run` becomes must not inherit it. */
const REAP_MS = 100

/** A fixed path instead of `PATH`: the environment must not choose the program that names the accounts. */
const PLACES = ['/usr/bin/getent', '/bin/getent', '/run/current-system/sw/bin/getent']

let waited = { since: Number.NEGATIVE_INFINITY, ms: 0 }

/** One answer per key, in the order of the keys, all within one deadline. */
export async function askNameService(
  database: 'passwd' | 'group' | 'initgroups',
  keys: readonly string[],
): Promise<readonly NameAnswer[]> {
  const program = PLACES.find((place) => findPath(place) === 0)
  if (program === undefined) return keys.map(() => ABSENT)
  const start = currentMoment().steady.ms
  if (start - waited.since >= PERIOD_MS) waited = { since: start, ms: 0 }
  const deadline = new Deadline(MOST_WAIT_MS - waited.ms)
  const answers: NameAnswer[] = keys.map(() => LATE)
  const pending = keys.entries()
  const askOneByOne = async () => {
    for (const [at, key] of pending) {
      if (deadline.signal.aborted) return
      answers[at] = await ask([program, database, key], deadline)
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.min(MOST_CHILDREN, keys.length) }, askOneByOne))
  } finally {
    deadline.clear()
  }
  waited.ms += currentMoment().steady.ms - start
  return answers
}

const ABSENT: NameAnswer = { kind: 'absent' }
const LATE: NameAnswer = { kind: 'late' }

class Deadline {
  readonly #controller = new AbortController()
  readonly signal = this.#controller.signal
  readonly passed: Promise<null>
  readonly #timer: ReturnType<typeof setTimeout> | undefined

  constructor(ms: number) {
    const { promise, resolve } = Promise.withResolvers<null>()
    this.passed = promise
    this.signal.addEventListener('abort', () => resolve(null), { once: true })
    if (ms > 0) this.#timer = setTimeout(() => this.#controller.abort(), ms)
    else this.#controller.abort()
  }

  clear(): void {
    clearTimeout(this.#timer)
  }
}

async function ask(command: readonly string[], deadline: Deadline): Promise<NameAnswer> {
  const child = start(command)
  if (child === null) return ABSENT
  const output = readBounded(child.stdout)
  const text = await Promise.race([output, deadline.passed])
  child.kill('SIGKILL')
  child.unref()
  await Promise.race([child.exited, Bun.sleep(REAP_MS)])
  if (text === null) return LATE
  const [line = ''] = text.split('\n')
  return line === '' ? ABSENT : { kind: 'found', line }
}

function start(command: readonly string[]) {
  try {
    // An empty environment, because LD_PRELOAD or LD_LIBRARY_PATH could load other code into it.
    return Bun.spawn([...command], { env: {}, cwd: '/', stdin: 'ignore', stdout: 'pipe', stderr: 'ignore' })
  } catch {
    // The program may not be executable, or there are too many processes: the name stays unknown.
    return null
  }
}

/** The whole output. Output beyond the limit is not a name. */
async function readBounded(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true })
    if (text.length > MOST_BYTES) return ''
  }
  return text + decoder.decode()
}
