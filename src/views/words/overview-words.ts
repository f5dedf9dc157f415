import { CanhazgpuError } from '../../domain/errors.ts'
import type { Overview } from '../../domain/observation/status.ts'
import { printable } from '../../domain/text/text.ts'
import type { Display } from './printed.ts'
import { statusSummary } from './status/summary.ts'

/** `canhazgpu` alone: the pool in short, and the commands that most people need. */
export function overviewText({ pool, gpus }: Pick<Overview, 'pool' | 'gpus'>, display: Display): string {
  return `${statusSummary(pool.host, gpus, display)}
canhazgpu run --gpus 1 -- python train.py  Run a command on a GPU; add --wait to queue for it
canhazgpu reserve --duration 2h            Reserve a GPU for a notebook or a shell
canhazgpu status                           Show who holds what

'canhazgpu --help' lists all commands. 'canhazgpu doctor' examines this machine.
`
}

/** There is no pool. `toAsk` are the administrators; null: this account can set up the pool itself. */
export function noPool({ code, message }: CanhazgpuError, toAsk: readonly string[] | null): CanhazgpuError {
  if (toAsk === null) return new CanhazgpuError(code, message)
  const shown = toAsk.slice(0, MOST_NAMES).map(printable).join(', ')
  const whom = shown === '' ? 'an administrator of this machine' : `an administrator: ${shown}`
  return new CanhazgpuError(code, message, { hint: `ask ${whom}` })
}

const MOST_NAMES = 5
