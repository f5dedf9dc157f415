import { CHECKS, type Check, diagnosis, type Finding } from '../../domain/diagnosis/finding.ts'
import { CanhazgpuError } from '../../domain/errors.ts'
import { doctorDocument } from '../../views/documents/doctor-document.ts'
import { doctorFailure, doctorText } from '../../views/words/doctor-words.ts'
import { command } from '../command.ts'

interface Diagnosed {
  readonly version: string
  readonly findings: readonly Finding[]
}

export const doctor = command({
  examples: [
    'canhazgpu doctor',
    'sudo canhazgpu doctor',
    'canhazgpu doctor driver pool',
    'canhazgpu doctor --json',
  ],
  examines: true,
  operand: {
    name: 'checks',
    placeholder: '[CHECK]...',
    kind: { read: readCheck, candidates: () => CHECKS },
    atMost: CHECKS.length,
  },
  options: [],
  async handle({ checks }, context): Promise<Diagnosed> {
    const doctor = await context.doctor()
    const [first = 'driver'] = checks
    const wanted = checks.length === 0 ? CHECKS : CHECKS.filter((check) => checks.includes(check))
    const found = wanted.length === 1 ? await doctor.examine(first) : await doctor.examineApart(wanted)
    return { version: context.version, findings: wanted.length === 1 ? found : diagnosis(found) }
  },
  text: ({ findings }, display) => ({ stdout: doctorText(findings, display) }),
  json: ({ version, findings }) => doctorDocument(version, findings),
  failure: ({ findings }) => doctorFailure(findings),
})

function readCheck(name: string): Check {
  const check = CHECKS.find((each) => each === name)
  if (check !== undefined) return check
  throw new CanhazgpuError('usage', `Unknown check '${name}' - expected one of ${CHECKS.join(', ')}`)
}
