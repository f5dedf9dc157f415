export type Environment = Readonly<Record<string, string>>

/** Milliseconds from asking for the process until it has ended; throws where it does not end as expected. */
export function timeProgram(argv: readonly string[], env: Environment, expected = 0): number {
  const before = Bun.nanoseconds()
  const { exitCode } = Bun.spawnSync([...argv], { env: { ...env }, stdio: ['ignore', 'ignore', 'ignore'] })
  const took = (Bun.nanoseconds() - before) / 1e6
  if (exitCode !== expected) throw new Error(`${argv.join(' ')} ended with ${exitCode}`)
  return took
}

export interface Crowd {
  readonly ms: number
  /** How many ended with which status. */
  readonly statuses: Readonly<Record<string, number>>
}

/** Starts so many at once, and waits for all. */
export async function timeCrowd(size: number, argv: readonly string[], env: Environment): Promise<Crowd> {
  const before = Bun.nanoseconds()
  const crowd = Array.from({ length: size }, () =>
    Bun.spawn([...argv], { env: { ...env }, stdio: ['ignore', 'ignore', 'ignore'] }),
  )
  const ended = await Promise.all(crowd.map((child) => child.exited))
  const ms = (Bun.nanoseconds() - before) / 1e6
  const statuses: Record<string, number> = {}
  for (const status of ended) statuses[status] = (statuses[status] ?? 0) + 1
  return { ms, statuses }
}
