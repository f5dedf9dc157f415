import type { UnitFault } from '../../domain/observation/readings.ts'

/** The command that adopts replaced GPUs. */
export const REFRESH_COMMAND = "'sudo canhazgpu admin --refresh'"

/** Why a GPU cannot be used, in one line. An error that the driver reports is quoted. */
export function faultWords(fault: UnitFault): string {
  switch (fault.code) {
    case 'replaced':
      return `the driver shows another GPU in its place - ${REFRESH_COMMAND} adopts it`
    case 'missing':
      return `the driver does not show this GPU (${fault.uuid})`
    case 'unanswered':
    case 'reported':
      return fault.reason
  }
}

/** For a pool whose GPUs were all replaced. */
export const allReplacedWords = (count: number): string =>
  `the driver shows none of the ${count} GPUs of the pool by UUID, but others in their places`
