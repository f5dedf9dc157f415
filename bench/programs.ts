export type Environment = Readonly<Record<string, string>>

/** Milliseconds from starting the process to its exit. Throws if the exit status is not the expected one. */
export function timeProgram(argv: readonly string[], env: Environment, expected = 0): number {
  const before = Bun.nanoseconds()
  runProgram(argv, env, expected)
  return (Bun.nanoseconds() - before) / 1e6
}

/** Milliseconds of processor time of all its threads, and of the children that it waited for. */
export function processorTime(argv: readonly string[], env: Environment): number {
  const { resourceUsage } = runProgram(argv, env, 0)
  return Number(resourceUsage.cpuTime.total) / 1_000
}

function runProgram(argv: readonly string[], env: Environment, expected: number) {
  const ended = Bun.spawnSync([...argv], { env: { ...env }, stdio: ['ignore', 'ignore', 'ignore'] })
  if (ended.exitCode !== expected) throw new Error(`${argv.join(' ')} ended with ${ended.exitCode}`)
  return ended
}

export interface Crowd {
  readonly ms: number
  /** The number of processes per exit status. */
  readonly statuses: Readonly<Record<string, number>>
}

/** Starts `size` processes at once, and waits for all. */
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
