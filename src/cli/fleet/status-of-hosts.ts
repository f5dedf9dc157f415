import { countsOf } from '../../views/fleet/counts.ts'
import type { HostStatusDocument, StatusPart, SummaryOfHosts } from '../../views/schemas/fleet.ts'
import type { StatusDocument } from '../../views/schemas/status.ts'
import { GPU_COLUMNS, gpuLine, gpuRow } from '../../views/words/fleet/gpu-words.ts'
import { hostHeading, lastSignWords } from '../../views/words/fleet/host-words.ts'
import type { Display } from '../../views/words/printed.ts'
import { modelWords } from '../../views/words/status/summary.ts'
import { table } from '../../views/words/table.ts'
import type { Context } from '../context.ts'
import { type Answers, askHosts, type HostPart } from './answers.ts'
import type { OfHosts, Which } from './shown.ts'

interface Chosen {
  readonly form: 'lines' | 'table' | 'summary'
  readonly mine: boolean
  readonly free: boolean
}

/** `status --all` and `status --host`. */
export async function statusOfHosts(which: Which, chosen: Chosen, context: Context): Promise<OfHosts> {
  const answers = await askHosts(which, 'status', context)
  const isShown = await filterOf(chosen, context)
  const shown = {
    ...answers,
    hosts: answers.hosts.map(({ host, part }) => ({
      host,
      part: part === undefined ? undefined : { ...part, gpus: part.gpus.filter(isShown) },
    })),
  }
  return {
    text: (display) => ({ stdout: TEXTS[chosen.form](shown, display), stderr: answers.notice }),
    json: () => (chosen.form === 'summary' ? summaryDocument(shown) : shown.hosts.map(statusDocument)),
    failure: answers.failure,
  }
}

/** Accounts of other hosts are compared by their names. */
async function filterOf({ mine, free }: Chosen, context: Context): Promise<(gpu: StatusDocument) => boolean> {
  const name = mine ? (await context.account()).name : undefined
  const isMine = ({ account, unreserved_users: users = [], other_users: others = [] }: StatusDocument) =>
    name === undefined || account === name || [...users, ...others].includes(name)
  return (gpu) => (!free || gpu.status === 'AVAILABLE') && isMine(gpu)
}

type Shown = Answers<StatusPart>

const TEXTS: Readonly<Record<Chosen['form'], (shown: Shown, display: Display) => string>> = {
  lines: ({ hosts, now }, display) =>
    hosts
      .map(({ host, part }) => {
        const lines = part?.gpus.map((gpu) => `${gpuLine(gpu, display)}\n`) ?? []
        return hostHeading(host, part === undefined ? [] : facts(part), now) + lines.join('')
      })
      .join('\n'),
  table: ({ hosts }, display) => {
    const rows = hosts.flatMap(({ host, part }) =>
      (part?.gpus ?? []).map((gpu) => [host.host, ...gpuRow(gpu, display)]),
    )
    return table(['HOST', ...GPU_COLUMNS], rows, display.columns)
  },
  summary: ({ hosts, now }, { columns }) => {
    const head = [
      'HOST',
      'TOTAL',
      'GPU MODELS',
      'AVAILABLE',
      'IN USE',
      'DRAINED',
      'ERRORS',
      'WAITING',
      'LAST SIGN',
    ]
    return table(
      head,
      hosts.map((each) => summaryRow(each, now)),
      columns,
    )
  },
}

function facts({ gpus, waiting }: StatusPart): readonly string[] {
  const { available, total } = countsOf(gpus)
  return [`${available} of ${total} available`, waiting === 0 ? '' : `${waiting} waiting`]
}

function summaryRow({ host, part }: HostPart<StatusPart>, now: number): readonly string[] {
  const sign = lastSignWords(host, now)
  if (part === undefined) return [host.host, ...Array<string>(7).fill('-'), sign]
  const { total, gpu_models, available, in_use, drained, errors } = countsOf(part.gpus)
  const optional = [drained, errors, part.waiting].map((count) => (count === 0 ? '-' : String(count)))
  return [
    host.host,
    String(total),
    modelWords(gpu_models),
    String(available),
    String(in_use),
    ...optional,
    sign,
  ]
}

function statusDocument({ host, part }: HostPart<StatusPart>): HostStatusDocument {
  return part === undefined ? host : { ...host, waiting: part.waiting, gpus: part.gpus }
}

function summaryDocument({ hosts }: Shown): SummaryOfHosts {
  return hosts.map(({ host, part }) =>
    part === undefined ? host : { ...host, waiting: part.waiting, counts: countsOf(part.gpus) },
  )
}
