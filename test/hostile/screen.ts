import { HOSTILE_TEXTS } from '../../fuzz/hostile.ts'
import { checkScreen } from '../../fuzz/soundness.ts'
import { printable } from '../../src/domain/text/text.ts'
import type { TestPool } from '../support/pool.ts'

/** Joins several texts, so that the tests start fewer programs. Every byte of the output is checked. */
const mixed = (texts: readonly string[]): readonly string[] =>
  Array.from({ length: Math.ceil(texts.length / 4) }, (_, at) => texts.slice(4 * at, 4 * at + 4).join('x'))

export const HOSTILE_MIXTURES = mixed(HOSTILE_TEXTS)

/** Texts that can be an argument, a variable or a file name. */
export const HOSTILE_ARGUMENTS = mixed(
  HOSTILE_TEXTS.filter((text) => text.isWellFormed() && !text.includes('\0') && printable(text) !== text),
)

export interface CheckedRun {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs one command and checks every byte of its output. */
export async function runChecked(pool: TestPool, ...typed: string[]): Promise<CheckedRun> {
  const child = pool.start(...typed)
  const [stdout, stderr, status] = await Promise.all([
    new Response(child.stdout).bytes(),
    new Response(child.stderr).bytes(),
    child.exited,
  ])
  try {
    return { status, stdout: checked(stdout), stderr: checked(stderr) }
  } catch (error) {
    throw new Error(`${JSON.stringify(typed)}: ${error instanceof Error ? error.message : error}`)
  }
}

function checked(bytes: Uint8Array): string {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  checkScreen(text)
  return text
}
