import type { Ask, Stamp } from '../log.ts'
import { type Command, gpusOf, lastAlive, NEVER, reserved, tookAt } from './command.ts'

/** A GPU that a command surely held from then to then, by the logs alone. The truth may be longer on both sides. */
export interface Hold {
  readonly command: Command
  readonly gpu: number
  readonly from: Stamp
  readonly to: Stamp
}

/** In the order of their beginnings. */
export function sureHolds(commands: readonly Command[]): readonly Hold[] {
  const releases = Map.groupBy(
    commands.filter(({ ask }) => ask.verb === 'release'),
    ({ ask }) => ask.uid,
  )
  return commands
    .flatMap((command) => [
      ...heldByJob(command),
      ...heldByHand(command, releases.get(command.ask.uid) ?? []),
    ])
    .filter((hold) => isBefore(hold.from, hold.to))
    .sort((a, b) => a.from.steady - b.from.steady)
}

/** By both clocks: whatever was done to the wall clock, it is no false accusation. */
export const isBefore = (a: Stamp, b: Stamp): boolean => a.steady < b.steady && a.wall < b.wall

function heldByJob(command: Command): readonly Hold[] {
  const took = tookAt(command)
  const to = lastAlive(command)
  if (took === undefined || to === undefined) return []
  return gpusOf(took).map((gpu) => ({ command, gpu, from: took.at, to }))
}

/** Until it expires, or until a release starts that may be the one that ends it. */
function heldByHand(command: Command, releases: readonly Command[]): readonly Hold[] {
  const grant = reserved(command)
  if (grant === undefined) return []
  const expiry = { ...NEVER, wall: Date.parse(grant.expiry_time ?? '') }
  const later = releases.filter((release) => release.to.steady >= command.from.steady)
  return grant.gpus.map((gpu) => {
    const to = later
      .filter(({ ask }) => isAbout(ask, gpu))
      .reduce((earliest, { from }) => earlier(earliest, from), expiry)
    return { command, gpu, from: command.to, to }
  })
}

/** Whether a release is about this GPU too: it names it, or names none. */
export const isAbout = ({ gpus }: Ask, gpu: number): boolean => !Array.isArray(gpus) || gpus.includes(gpu)

const earlier = (a: Stamp, b: Stamp): Stamp => ({
  steady: Math.min(a.steady, b.steady),
  wall: Math.min(a.wall, b.wall),
})
