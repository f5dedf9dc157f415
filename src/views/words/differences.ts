import type { Difference } from '../../app/compare-driver.ts'
import type { Problem } from '../../domain/pool/soundness.ts'
import { allReplacedWords, REFRESH_COMMAND } from './faults.ts'

/** Converts a difference between pool and driver to a problem with its remedy. */
export function differenceProblem(difference: Difference): Problem {
  return { kind: 'device', what: differenceWords(difference), remedy: remedyFor(difference) }
}

function differenceWords(difference: Difference): string {
  if (difference.code === 'all-replaced') return allReplacedWords(difference.count)
  const { id, device } = difference.unit
  const named = `GPU ${id} (${device.uuid})`
  switch (difference.code) {
    case 'missing':
      return `${named} is not among the ${difference.shown} GPUs that the driver shows`
    case 'replaced':
      return `in the place of ${named} the driver shows another (${difference.by})`
    case 'renamed': {
      const { name, uuid } = difference.to
      return `${named} is '${device.name}' in the pool, and the driver shows '${name}' (${uuid})`
    }
  }
}

function remedyFor(difference: Difference): string {
  return difference.code === 'missing'
    ? `see the messages of the driver; if it does not come back, 'sudo canhazgpu admin --gpus ${difference.shown} --force' sets up the pool without it and ends all reservations`
    : `${REFRESH_COMMAND} adopts what the driver shows and ends no reservation`
}
