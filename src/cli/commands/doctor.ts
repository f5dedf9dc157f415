import { CHECKS, type Check, diagnosis } from '../../domain/diagnosis/finding.ts'
import { CanhazgpuError } from '../../domain/errors.ts'
import { doctorAnswerDocument } from '../../views/documents/doctor-document.ts'
import { type DoctorAnswer, doctorAnswerText, doctorFailure } from '../../views/words/doctor-answers.ts'
import { command } from '../command.ts'
import type { Context, Doctor } from '../context.ts'
import { option } from '../options/option.ts'

const MEANINGS: Readonly<Record<Check, string>> = {
  configuration: 'Files and variables that are used, skipped files, unknown keys',
  driver: 'NVML, nvidia-smi and amd-smi within --probe-timeout, faulty GPUs, versions',
  devices: 'Device files of the GPUs, and whether you may open them',
  persistence: 'Persistence mode of NVIDIA GPUs',
  pool: "The check of 'admin --check': file, permissions, GPUs against the driver's",
  disk: 'Free space and files, read-only, network file system',
  clock: 'Earlier than the build of this program, or set since the pool was last written',
  service: 'Does the daemon answer, is it this version, does it start at boot',
  board: 'Does the notice board of several hosts answer, and has it this host',
  programs: 'Copies of this program on PATH and in usual places',
}

export const doctor = command({
  examples: [
    'canhazgpu doctor',
    'sudo canhazgpu doctor',
    'canhazgpu doctor driver devices --json',
    'sudo canhazgpu doctor --bundle /tmp/report.tar.gz',
    'canhazgpu doctor --capture driver-answers',
  ],
  examines: true,
  operand: {
    name: 'checks',
    placeholder: '[CHECK]...',
    kind: { read: readCheck, candidates: () => CHECKS },
    choices: CHECKS.map((check) => [check, MEANINGS[check]] as const),
    atMost: CHECKS.length,
  },
  options: [
    option('--bundle <file>', 'Write an archive for a bug report, without names, notes and command lines', {
      onlyTyped: true,
    }),
    option('--capture <folder>', 'Write what the GPU drivers answer, in the form that the tests replay', {
      onlyTyped: true,
    }),
  ],
  async handle({ checks, bundle, capture }, context): Promise<DoctorAnswer> {
    refuseCombination(checks, bundle, capture)
    const doctor = await context.doctor()
    if (capture !== undefined) return { kind: 'captured', ...(await doctor.writeCapture(capture)) }
    if (bundle === undefined) return diagnosed(checks, doctor, context)
    const examine = async () => diagnosis(await doctor.examineApart(CHECKS))
    return { kind: 'bundled', ...(await doctor.writeBundle(bundle, examine)) }
  },
  text: doctorAnswerText,
  json: doctorAnswerDocument,
  failure: doctorFailure,
})

async function diagnosed(
  checks: readonly Check[],
  doctor: Doctor,
  { version }: Context,
): Promise<DoctorAnswer> {
  const wanted = checks.length === 0 ? CHECKS : CHECKS.filter((check) => checks.includes(check))
  const [first] = wanted
  const isOne = wanted.length === 1 && first !== undefined
  const findings = isOne ? await doctor.examine(first) : diagnosis(await doctor.examineApart(wanted))
  return { kind: 'diagnosed', version, findings }
}

function refuseCombination(checks: readonly Check[], ...written: readonly (string | undefined)[]): void {
  const given = written.filter((place) => place !== undefined)
  if (given.length === 2) throw new CanhazgpuError('usage', '--bundle and --capture contradict each other')
  if (given.length === 1 && checks.length > 0) {
    throw new CanhazgpuError('usage', `The check '${checks[0]}' contradicts --bundle and --capture`)
  }
}

function readCheck(name: string): Check {
  const check = CHECKS.find((each) => each === name)
  if (check !== undefined) return check
  throw new CanhazgpuError('usage', `Unknown check '${name}' - expected one of ${CHECKS.join(', ')}`)
}
