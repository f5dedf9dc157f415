import { expect, test } from 'bun:test'
import { printFailure } from '../../../src/cli/failures.ts'
import { CanhazgpuError, type ErrorCode } from '../../../src/domain/errors.ts'

/** An error's code, its printed words, and a function that returns or throws it. */
export type ErrorCase = readonly [code: ErrorCode, printed: string, make: () => unknown]

/** One test for each error: its code, and the whole line that a command prints. */
export function testErrors(cases: readonly ErrorCase[]): void {
  for (const [code, printed, make] of cases) {
    test(`${code}: ${printed}`, async () => {
      const error = await madeBy(make)
      expect(error instanceof CanhazgpuError ? error.code : 'internal').toBe(code)
      expect(lineOf(error)).toBe(`Error: ${printed}\n`)
    })
  }
}

async function madeBy(make: () => unknown): Promise<unknown> {
  try {
    return await make()
  } catch (error) {
    return error
  }
}

function lineOf(error: unknown): string {
  const lines: string[] = []
  printFailure(error, { stderr: (text) => void lines.push(text), json: false, commandName: 'status' })
  return lines.join('')
}
