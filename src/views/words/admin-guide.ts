import type { StoredPlace } from '../../app/set-up.ts'
import { CanhazgpuError } from '../../domain/errors.ts'
import type { Pool, Probe } from '../../domain/pool/model.ts'
import { printable, shortened } from '../../domain/text/text.ts'
import { gpuWords, unitWords, vendorWords } from './gpu-words.ts'

/** What `admin` found when it was called without `--gpus`. */
export type Found =
  | { readonly kind: 'pool'; readonly pool: Pool; readonly place: StoredPlace }
  /** There may be a pool. */
  | { readonly kind: 'unreadable'; readonly error: CanhazgpuError }
  /** There is no pool, and the driver reports these GPUs. */
  | { readonly kind: 'gpus'; readonly probe: Probe }
  | { readonly kind: 'no gpus'; readonly error: CanhazgpuError }

/** What the machine or the pool has, and the next command. */
export function guideText(found: Found): string {
  switch (found.kind) {
    case 'pool':
      return poolText(found.pool, found.place)
    case 'gpus':
      return machineText(found.probe)
    case 'unreadable':
      return `The pool cannot be read: ${errorWords(found.error)}\n`
    case 'no gpus':
      return `No pool yet. The driver shows no GPU: ${errorWords(found.error)}\n`
  }
}

/** The usage error that `admin` without `--gpus` always was; the hint is the command to type. */
export function guideFailure(found: Found): CanhazgpuError {
  switch (found.kind) {
    case 'pool':
      return missingCount("see 'canhazgpu admin --help'")
    case 'gpus':
      return missingCount(`type 'sudo canhazgpu admin --gpus ${found.probe.readings.length}'`)
    case 'unreadable':
    case 'no gpus':
      return missingCount("see 'canhazgpu doctor'")
  }
}

export const missingCount = (hint: string): CanhazgpuError =>
  new CanhazgpuError('usage', "Required option '-g, --gpus <count>' not specified", { hint })

function machineText({ provider, readings }: Probe): string {
  const faults = readings.flatMap(({ index, state }) =>
    state.kind === 'fault' ? [`GPU ${index} has a fault: ${shortened(state.reason, 200)}\n`] : [],
  )
  const answers = `The ${vendorWords(provider)} driver answers (${provider})`
  return `No pool yet. ${answers}, and shows ${gpuWords(readings)}\n${faults.join('')}`
}

function poolText({ units, provider }: Pool, { path }: StoredPlace): string {
  const changes = [
    ['sudo canhazgpu admin --memory-threshold 512', 'memory that counts as use; keeps reservations'],
    ['sudo canhazgpu admin --refresh', 'adopt replaced GPUs; keeps reservations'],
    ['sudo canhazgpu drain 0', 'take a GPU out of service; its holder finishes'],
    ['canhazgpu policy', 'show the rules, such as limits; policy set changes them'],
    [`sudo canhazgpu admin --gpus ${units.length} --force`, 'set up again; ENDS ALL RESERVATIONS'],
  ] as const
  const width = Math.max(...changes.map(([line]) => line.length))
  const lines = changes.map(([line, effect]) => `  ${line.padEnd(width)}  ${effect}\n`)
  return `The pool ${printable(path)} has ${unitWords(units)} (provider ${provider}). To change it:\n${lines.join('')}`
}

const errorWords = ({ message, hint }: CanhazgpuError): string =>
  printable(hint === undefined ? message : `${message} - ${hint}`)
