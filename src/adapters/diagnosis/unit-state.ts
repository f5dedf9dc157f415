import type { UnitState } from '../../domain/diagnosis/finding.ts'
import type { ServiceFacts } from '../../domain/diagnosis/machine-rules.ts'
import { CanhazgpuError } from '../../domain/errors.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { withinDeadline } from '../gpu/deadline.ts'
import { firstLine } from '../gpu/driver-text.ts'
import { type Environment, runProgram } from '../gpu/run-program.ts'
import { isBooted, UNIT_NAME } from '../service/systemd.ts'

const ANSWERS_WITHIN_MS: Millis = 5_000
const STATES: readonly UnitState[] = ['active', 'inactive', 'failed']

/** What systemd says about the unit of the daemon; null if systemd does not run here. */
export async function unitState(env: Environment): Promise<ServiceFacts['manager']> {
  if (!isBooted()) return null
  const program = Bun.which('systemctl', { PATH: env.PATH ?? '' })
  if (program === null) return { state: 'unknown', reason: 'systemctl was not found' }
  try {
    const [active, enabled] = await withinDeadline(ANSWERS_WITHIN_MS, 'systemctl', (signal) =>
      Promise.all(
        ['is-active', 'is-enabled'].map((question) =>
          runProgram([program, question, UNIT_NAME], { env, signal }),
        ),
      ),
    )
    const state = STATES.find((each) => each === active?.stdout.trim())
    const setting = enabled?.stdout.trim() ?? ''
    if (state === undefined) return { state: 'unknown', reason: firstLine(active?.stderr ?? '') || setting }
    return { state, isEnabled: setting.startsWith('enabled') }
  } catch (error) {
    if (error instanceof CanhazgpuError) return { state: 'unknown', reason: error.message }
    throw error
  }
}
