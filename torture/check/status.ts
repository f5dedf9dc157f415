import { type Command, isRead, reserved, shown } from './command.ts'
import type { Drain } from './drains.ts'
import { type Hold, releasesGpu } from './holds.ts'
import { by, type Violation } from './violation.ts'

/** A GPU in the JSON of `status`. */
interface GpuDocument {
  readonly gpu_id: number
  readonly status: string
  readonly type?: 'RUN' | 'MANUAL'
  readonly note?: string
}

/**
 * `status` shows no reservation that had ended when `status` started: its process was gone, it had expired or it was
 * released. And it shows every reservation that was held from before its start until after its end.
 */
export function checkStatus(
  commands: readonly Command[],
  holds: readonly Hold[],
  drains: readonly Drain[],
): readonly Violation[] {
  const byId = new Map(commands.map((command) => [command.id, command]))
  const releases = commands.filter(({ request, end }) => request.verb === 'release' && end?.status === 0)
  return commands
    .filter((command) => isRead(command, 'status'))
    .flatMap((read) => {
      const gpus = shown<GpuDocument[]>(read)
      if (gpus === undefined) return []
      const during = holds.filter(
        ({ from, to }) =>
          from.steady < read.from.steady && to.steady > read.to.steady && to.wall > read.to.wall,
      )
      return [
        ...gpus.flatMap((gpu) => shownTooLong(gpu, read, { holder: byId.get(gpu.note ?? ''), releases })),
        ...during.flatMap((hold) => notShown(hold, read, gpus)),
        ...gpus.flatMap((gpu) => wronglyDrained(gpu, read, drains)),
      ]
    })
    .map(by('gone'))
}

interface Held {
  readonly holder: Command | undefined
  readonly releases: readonly Command[]
}

function shownTooLong(gpu: GpuDocument, read: Command, { holder, releases }: Held): readonly string[] {
  if (gpu.status === 'AVAILABLE' || gpu.status === 'DRAINED') return []
  const what = `${read.id} (status) at ${read.from.steady} showed GPU ${gpu.gpu_id}`
  if (gpu.status !== 'IN_USE') return [`${what} as ${gpu.status}`]
  if (holder === undefined) return [`${what} reserved by an unknown command (${gpu.note})`]
  const over = endOf(read, { gpu, holder, releases })
  return over === null ? [] : [`${what} reserved by ${holder.id} (${holder.request.verb}), which ${over}`]
}

function endOf(
  read: Command,
  { gpu, holder, releases }: { gpu: GpuDocument; holder: Command; releases: readonly Command[] },
): string | null {
  switch (holder.request.verb) {
    case 'run':
      return goneBefore(read, holder)
    case 'book':
      return bookedBefore(read, holder)
    default:
      return endedBefore(read, { gpu, holder, releases })
  }
}

function bookedBefore(read: Command, { end }: Command): string | null {
  const until = end?.status === 0 ? Date.parse(JSON.parse(end.stdout).until) : Number.POSITIVE_INFINITY
  return until <= read.from.wall ? `was booked until ${until}` : null
}

function goneBefore(read: Command, holder: Command): string | null {
  return holder.to.steady < read.from.steady ? `was gone at ${holder.to.steady}` : null
}

function endedBefore(
  read: Command,
  { gpu, holder, releases }: { gpu: GpuDocument; holder: Command; releases: readonly Command[] },
): string | null {
  const expiry = Date.parse(reserved(holder)?.expiry_time ?? '')
  if (expiry <= read.from.wall) return `expired at ${expiry}`
  const release = releases.find(
    (each) => isReleasedBy(each, holder, gpu.gpu_id) && each.to.steady < read.from.steady,
  )
  return release === undefined ? null : `was released by ${release.id} at ${release.to.steady}`
}

/** Whether this release certainly ended the holder's reservation of the GPU, if there was one. */
export const isReleasedBy = (release: Command, holder: Command, gpu: number): boolean =>
  release.request.uid === holder.request.uid &&
  releasesGpu(release.request, gpu) &&
  release.from.steady > holder.to.steady

function wronglyDrained(gpu: GpuDocument, read: Command, drains: readonly Drain[]): readonly string[] {
  const own = drains.filter((drain) => drain.gpu === gpu.gpu_id)
  const isDrained = own.some(({ seenFrom, to }) => seenFrom < read.from.wall && read.to.wall < to)
  const mayBeDrained = own.some(({ from, seenTo }) => from <= read.to.wall && read.from.wall <= seenTo)
  const isWrong = gpu.status === 'DRAINED' ? !mayBeDrained : gpu.status === 'AVAILABLE' && isDrained
  if (!isWrong) return []
  return [`${read.id} (status) at ${read.from.wall} showed GPU ${gpu.gpu_id} as ${gpu.status}`]
}

function notShown(
  { gpu, command, from }: Hold,
  read: Command,
  gpus: readonly GpuDocument[],
): readonly string[] {
  const seen = gpus.find(({ gpu_id }) => gpu_id === gpu)
  if (seen?.status === 'IN_USE' && seen.note === command.id) return []
  return [
    `${read.id} (status) at ${read.from.steady} showed GPU ${gpu} as ${seen?.status} ${seen?.note ?? ''}, which ${command.id} (${command.request.verb}) held since ${from.steady}`,
  ]
}
