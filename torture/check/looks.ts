import { type Command, isLook, reserved, shown } from './command.ts'
import { type Hold, isAbout } from './holds.ts'
import { by, type Violation } from './violation.ts'

/** A GPU in the JSON of `status`. */
interface GpuDocument {
  readonly gpu_id: number
  readonly status: string
  readonly type?: 'RUN' | 'MANUAL'
  readonly note?: string
}

/**
 * Whatever `status` showed was so: nothing whose process was gone, whose time was over or that was released when
 * the look began; and everything that was held from before the look until after it.
 */
export function checkLooks(commands: readonly Command[], holds: readonly Hold[]): readonly Violation[] {
  const byId = new Map(commands.map((command) => [command.id, command]))
  const releases = commands.filter(({ ask, end }) => ask.verb === 'release' && end?.status === 0)
  return commands
    .filter((command) => isLook(command, 'status'))
    .flatMap((look) => {
      const gpus = shown<GpuDocument[]>(look)
      if (gpus === undefined) return []
      const during = holds.filter(
        ({ from, to }) =>
          from.steady < look.from.steady && to.steady > look.to.steady && to.wall > look.to.wall,
      )
      return [
        ...gpus.flatMap((gpu) => remainder(gpu, look, { holder: byId.get(gpu.note ?? ''), releases })),
        ...during.flatMap((hold) => missing(hold, look, gpus)),
      ]
    })
    .map(by('gone'))
}

interface Held {
  readonly holder: Command | undefined
  readonly releases: readonly Command[]
}

function remainder(gpu: GpuDocument, look: Command, { holder, releases }: Held): readonly string[] {
  if (gpu.status === 'AVAILABLE') return []
  const what = `${look.id} (status) at ${look.from.steady} showed GPU ${gpu.gpu_id}`
  if (gpu.status !== 'IN_USE') return [`${what} as ${gpu.status}`]
  if (holder === undefined) return [`${what} reserved by nobody who was there (${gpu.note})`]
  const over =
    holder.ask.verb === 'run' ? goneBefore(look, holder) : givenBackBefore(look, { gpu, holder, releases })
  return over === null ? [] : [`${what} reserved by ${holder.id} (${holder.ask.verb}), which ${over}`]
}

function goneBefore(look: Command, holder: Command): string | null {
  return holder.to.steady < look.from.steady ? `was seen to be gone at ${holder.to.steady}` : null
}

function givenBackBefore(
  look: Command,
  { gpu, holder, releases }: { gpu: GpuDocument; holder: Command; releases: readonly Command[] },
): string | null {
  const expiry = Date.parse(reserved(holder)?.expiry_time ?? '')
  if (expiry <= look.from.wall) return `expired at ${expiry}`
  const release = releases.find(
    (each) => isReleasedBy(each, holder, gpu.gpu_id) && each.to.steady < look.from.steady,
  )
  return release === undefined ? null : `was released by ${release.id} at ${release.to.steady}`
}

/** Whether what the holder had, if it had anything, was surely over when this release had succeeded. */
export const isReleasedBy = (release: Command, holder: Command, gpu: number): boolean =>
  release.ask.uid === holder.ask.uid && isAbout(release.ask, gpu) && release.from.steady > holder.to.steady

function missing(
  { gpu, command, from }: Hold,
  look: Command,
  gpus: readonly GpuDocument[],
): readonly string[] {
  const seen = gpus.find(({ gpu_id }) => gpu_id === gpu)
  if (seen?.status === 'IN_USE' && seen.note === command.id) return []
  return [
    `${look.id} (status) at ${look.from.steady} showed GPU ${gpu} as ${seen?.status} ${seen?.note ?? ''}, which ${command.id} (${command.ask.verb}) held since ${from.steady}`,
  ]
}
