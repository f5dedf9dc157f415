import { CanhazgpuError } from '../../domain/errors.ts'
import { noteChild } from '../process/children.ts'

/** The environment a program is started with. */
export type Environment = Readonly<Record<string, string | undefined>>

export interface ProgramOutput {
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: number | null
  /** The signal that killed it, for example `SIGSEGV`. */
  readonly signal: string | null
}

export interface RunOptions {
  readonly env: Environment
  readonly signal: AbortSignal
  /** Whether the output so far is the whole answer. Then neither the end of the output nor the exit is awaited. */
  readonly isAnswer?: ((stdout: string) => boolean) | undefined
}

/** Runs a program as `runProgram` does. */
export type RunProgram = (command: readonly string[], options: RunOptions) => Promise<ProgramOutput>

// The answer for 16 busy GPUs has about 10 KB; a much larger output is not an answer.
export const MAX_OUTPUT_BYTES = 4 * 1024 * 1024

/**
 * Runs a program to its end. When `signal` aborts, the program is killed and its exit is not awaited: a process that
 * hangs inside the kernel survives even SIGKILL. The promise then stays unsettled, so call this only inside
 * `withinDeadline`.
 *
 * Throws `driver-failed` if the program cannot be started or prints more than 4 MiB.
 */
export async function runProgram(command: readonly string[], options: RunOptions): Promise<ProgramOutput> {
  const child = startProgram(command, { env: options.env, stdin: 'ignore' })
  const readers = [child.stdout.getReader(), child.stderr.getReader()] as const
  const abandon = () => {
    try {
      child.kill('SIGKILL')
    } catch {
      // EPERM: it runs as root, so it cannot be killed.
    }
    child.unref()
    for (const reader of readers) reader.cancel().catch(() => {})
  }
  if (options.signal.aborted) abandon()
  options.signal.addEventListener('abort', abandon, { once: true })

  const errors = readBounded(readers[1])
  const stdout = await readBounded(readers[0], options.isAnswer)
  // `withinDeadline` aborts when this function returns, and that kills the program. Its own exit would take seconds if
  // it is the last user of the driver, and even its output stays open while the driver frees its memory.
  if (stdout !== null && options.isAnswer?.(stdout)) {
    errors.catch(() => {})
    return { stdout, stderr: '', exitCode: 0, signal: null }
  }
  const stderr = await errors
  await child.exited
  options.signal.removeEventListener('abort', abandon)
  if (stdout === null || stderr === null) throw printedTooMuch(command[0] ?? '')
  return {
    stdout,
    stderr,
    exitCode: child.exitCode,
    signal: child.signalCode === null ? null : String(child.signalCode),
  }
}

interface StartOptions<Stdin> {
  readonly env: Environment
  readonly stdin: Stdin
}

/** Throws `driver-failed` if the program cannot be started. */
export function startProgram<Stdin extends 'ignore' | 'pipe'>(
  command: readonly string[],
  { env, stdin }: StartOptions<Stdin>,
): Bun.Subprocess<Stdin, 'pipe', 'pipe'> {
  try {
    const child = Bun.spawn([...command], {
      env: { ...env },
      // Not the caller's folder, so that a program never finds files there by a relative name.
      cwd: '/',
      stdin,
      stdout: 'pipe',
      stderr: 'pipe',
    })
    noteChild(child.exited)
    return child
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CanhazgpuError('driver-failed', `${command[0]} cannot be started: ${reason}`, {
      hint: `Check the permissions of ${command[0]}.`,
      cause,
    })
  }
}

export function printedTooMuch(program: string): CanhazgpuError {
  return new CanhazgpuError('driver-failed', `${program} printed more than ${MAX_OUTPUT_BYTES} bytes`, {
    hint: `Run ${program} by hand to see its output.`,
  })
}

/** The output up to its end, or until it is an answer; null if it is too long. */
async function readBounded(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  isAnswer?: (text: string) => boolean,
): Promise<string | null> {
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    size += value.byteLength
    if (size > MAX_OUTPUT_BYTES) {
      // Closing the pipe ends a program that keeps writing.
      await reader.cancel()
      return null
    }
    text += decoder.decode(value, { stream: true })
    if (isAnswer?.(text)) return text
  }
}
