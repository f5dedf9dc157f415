import * as v from 'valibot'
import {
  type FailureDocument,
  failure,
  type WarningDocument,
  warning,
} from '../../src/views/schemas/failure.ts'
import type { Finished } from './pool.ts'

/** The error of a command that failed, and its exit status. `reason` has the facts of a refusal. */
export type Failure = FailureDocument['error'] & { readonly status: number | null }

/**
 * The failure of a command that ran with `--json`: the last line of its stderr. Compare the code and the facts with
 * `toMatchObject`. The words have their own tests in test/views/words.
 */
export function failureOf({ status, stderr }: Finished): Failure {
  const last = documentsOf(stderr).at(-1)
  if (!v.is(failure, last)) throw new Error(`exit status ${status} and no JSON error: ${stderr}`)
  return { ...last.error, status }
}

/** The failure of a command that ran with `--json` and printed nothing else. */
export function onlyFailureOf(finished: Finished): Failure {
  const { stdout, stderr } = finished
  if (stdout !== '' || !/^[^\n]+\n$/.test(stderr)) throw new Error(`not one error line: ${stdout}${stderr}`)
  return failureOf(finished)
}

/** A command line with `--json` after the name of its command. */
export const withJson = ([name = '', ...rest]: readonly string[]): string[] => [name, '--json', ...rest]

/** The warnings of a command that ran with `--json`, in order. */
export function warningsOf({ stderr }: Pick<Finished, 'stderr'>): readonly WarningDocument['warning'][] {
  return documentsOf(stderr).flatMap((document) => (v.is(warning, document) ? [document.warning] : []))
}

/** With `--json`, every line of stderr is a JSON document. */
const documentsOf = (stderr: string): readonly unknown[] =>
  stderr
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
