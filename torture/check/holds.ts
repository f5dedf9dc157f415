import type { CommandRequest, Stamp } from '../log.ts'
import { type Command, gpusOf, jobStart, lastAlive, NEVER, reserved } from './command.ts'

/** A GPU and a time in which the command certainly held it according to the logs. The real hold may be longer. */
export interface Hold {
  readonly command: Command
  readonly gpu: number
  readonly from: Stamp
  readonly to: Stamp
}

/** In the order of their starts. */
export function certainHolds(commands: readonly Command[]): readonly Hold[] {
  const releases = Map.groupBy(
    commands.filter(({ request }) => request.verb === 'release'),
    ({ request }) => request.uid,
  )
  return commands
    .flatMap((command) => [
      ...heldByJob(command),
      ...heldByHand(command, releases.get(command.request.uid) ?? []),
    ])
    .filter((hold) => isBefore(hold.from, hold.to))
    .sort((a, b) => a.from.steady - b.from.steady)
}

/** By both clocks, so that setting the wall clock causes no false violation. */
export const isBefore = (a: Stamp, b: Stamp): boolean => a.steady < b.steady && a.wall < b.wall

function heldByJob(command: Command): readonly Hold[] {
  const start = jobStart(command)
  const to = lastAlive(command)
  if (start === undefined || to === undefined) return []
  return gpusOf(start).map((gpu) => ({ command, gpu, from: start.at, to }))
}

/** Until it expires, or until the start of the first release that may end it. */
function heldByHand(command: Command, releases: readonly Command[]): readonly Hold[] {
  const grant = reserved(command)
  if (grant === undefined) return []
  const expiry = { ...NEVER, wall: Date.parse(grant.expiry_time ?? '') }
  const later = releases.filter((release) => release.to.steady >= command.from.steady)
  return grant.gpus.map((gpu) => {
    const to = later
      .filter(({ request }) => releasesGpu(request, gpu))
      .reduce((earliest, { from }) => earlier(earliest, from), expiry)
    return { command, gpu, from: command.to, to }
  })
}

/** Whether a release names this GPU, or all. */
export const releasesGpu = ({ gpus }: CommandRequest, gpu: number): boolean =>
  !Array.isArray(gpus) || gpus.includes(gpu)

const earlier = (a: Stamp, b: Stamp): Stamp => ({
  steady: Math.min(a.steady, b.steady),
  wall: Math.min(a.wall, b.wall),
})
