import { printFailure } from '../src/cli/failures.ts'
import { CanhazgpuError, type ErrorCode } from '../src/domain/errors.ts'

/** Thrown if a condition fails. */
export class Unsound extends Error {
  override readonly name = 'Unsound'
}

export function verify(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Unsound(what)
}

/** The result of a parser. Null if it refuses its input, which must be one line with one of these codes. */
export function answerOf<Value>(codes: readonly ErrorCode[], parse: () => Value): Value | null {
  try {
    return parse()
  } catch (error) {
    checkRefusal(codes, error)
    return null
  }
}

export function checkRefusal(codes: readonly ErrorCode[], error: unknown): void {
  if (!(error instanceof CanhazgpuError)) throw error
  verify(codes.includes(error.code), `refused as ${error.code}: ${error.message.slice(0, 200)}`)
  for (const json of [false, true]) {
    const lines: string[] = []
    printFailure(error, { stderr: (text) => lines.push(text), json, commandName: undefined })
    const output = lines.join('')
    checkScreen(output)
    verify(output.indexOf('\n') === output.length - 1, 'a refusal of several lines')
    verify(output.length < LONGEST_REFUSAL, `a refusal of ${output.length} characters`)
    if (json) JSON.parse(output)
  }
}

/** Twice five thousand characters, each written as an escape. */
const LONGEST_REFUSAL = 70_000

/** Characters that could move the cursor, recolour, reverse or hide text. Line breaks are allowed. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]|\u034f|\u17b4|\u17b5/u

export function checkScreen(output: string): void {
  for (const line of output.split('\n')) {
    const found = UNSAFE.exec(line)
    const code = found?.[0].codePointAt(0)?.toString(16)
    verify(found === null, `U+${code} reaches the terminal: ${JSON.stringify(line.slice(0, 300))}`)
  }
}

/** Checks one line of output. Text from outside must not break it in two. */
export function checkLine(line: string): void {
  checkScreen(line)
  verify(!line.includes('\n'), `a line break in a line: ${JSON.stringify(line.slice(0, 300))}`)
}

export function checkJson(output: string): void {
  checkScreen(output)
  JSON.parse(output)
}

export const isAmount = (value: number | undefined): boolean =>
  value === undefined || (Number.isFinite(value) && value >= 0)

export const isWhole = (value: number): boolean => Number.isSafeInteger(value) && value >= 0

export const isAscending = (numbers: readonly number[]): boolean =>
  numbers.every((number, at) => at === 0 || (numbers[at - 1] ?? number) < number)
