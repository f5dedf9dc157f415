import { checkOf, type Finding, isHealthy, levelOf } from '../../domain/diagnosis/finding.ts'
import type { DoctorDocument, WrittenDocument } from '../schemas/doctor.ts'
import type { DoctorAnswer } from '../words/doctor-answers.ts'
import { findingWords } from '../words/doctor-words.ts'

export function doctorAnswerDocument(answer: DoctorAnswer): DoctorDocument | WrittenDocument {
  return answer.kind === 'diagnosed'
    ? doctorDocument(answer.version, answer.findings)
    : { path: answer.path, contents: answer.contents }
}

export function doctorDocument(version: string, findings: readonly Finding[]): DoctorDocument {
  return {
    version,
    healthy: isHealthy(findings),
    findings: findings.map((finding) => {
      const { what, remedy } = findingWords(finding)
      const { code, ...facts } = finding
      return {
        ...{ check: checkOf(finding), level: levelOf(finding), code, what },
        ...(remedy === undefined ? {} : { remedy }),
        facts,
      }
    }),
  }
}

/** The findings in a document of this same program. */
export const findingsOf = ({ findings }: DoctorDocument): readonly Finding[] =>
  findings.map(({ code, facts }) => ({ ...facts, code }) as Finding)
