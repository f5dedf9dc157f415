import { checkOf, type Finding, isHealthy, levelOf } from '../../domain/diagnosis/finding.ts'
import { CanhazgpuError } from '../../domain/errors.ts'
import { printable } from '../../domain/text/text.ts'
import { doctorText } from './doctor-words.ts'
import { shellWord } from './findings/finding-words.ts'
import type { Display, Printed } from './printed.ts'

/** The result of `doctor`. */
export type DoctorAnswer =
  | { readonly kind: 'diagnosed'; readonly version: string; readonly findings: readonly Finding[] }
  | { readonly kind: 'bundled' | 'captured'; readonly path: string; readonly contents: readonly string[] }

export function doctorAnswerText(answer: DoctorAnswer, display: Display): Printed {
  if (answer.kind === 'diagnosed') return { stdout: doctorText(answer.findings, display) }
  const path = printable(answer.path)
  const list = answer.contents.map((name) => `  ${printable(name)}\n`).join('')
  return { stdout: `Wrote ${path}:\n${list}`, stderr: `${adviceFor(answer.kind, path)}\n` }
}

function adviceFor(kind: 'bundled' | 'captured', path: string): string {
  return kind === 'bundled'
    ? `User names, host names, notes and command lines are replaced. Read it before you send it: tar -xzOf ${shellWord(path)} | less`
    : `It has the names of processes as the driver reports them. 'canhazgpu doctor --bundle FILE' replaces them`
}

/** A bundle succeeds whatever the checks found. */
export function doctorFailure(answer: DoctorAnswer): CanhazgpuError | undefined {
  if (answer.kind !== 'diagnosed' || isHealthy(answer.findings)) return undefined
  const failed = answer.findings.filter((finding) => levelOf(finding) === 'failure').map(checkOf)
  return new CanhazgpuError('failure', `The doctor found failures: ${[...new Set(failed)].join(', ')}`)
}
