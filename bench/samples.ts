/** Takes one sample, in milliseconds. */
export type Sampler = () => number | Promise<number>

export interface Summary {
  readonly median: number
  /** Half of the samples are between these. */
  readonly quartiles: readonly [number, number]
  readonly samples: number
}

/**
 * Takes one sample of each program in every round, so that other load on the machine affects all of them equally. The
 * first round fills caches and does not count.
 */
export async function inTurn<Name extends string>(
  rounds: number,
  samplers: Readonly<Record<Name, Sampler>>,
): Promise<Record<Name, Summary>> {
  const names = Object.keys(samplers) as Name[]
  const taken = new Map(names.map((name) => [name, [] as number[]]))
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      const sample = await samplers[name]()
      if (round > 0) taken.get(name)?.push(sample)
    }
  }
  return Object.fromEntries(names.map((name) => [name, summaryOf(taken.get(name) ?? [])])) as Record<
    Name,
    Summary
  >
}

export function summaryOf(samples: readonly number[]): Summary {
  const sorted = samples.toSorted((a, b) => a - b)
  return {
    median: quantile(sorted, 0.5),
    quartiles: [quantile(sorted, 0.25), quantile(sorted, 0.75)],
    samples: sorted.length,
  }
}

export function quantile(sorted: readonly number[], q: number): number {
  const at = (sorted.length - 1) * q
  const low = sorted[Math.floor(at)] ?? Number.NaN
  const high = sorted[Math.ceil(at)] ?? Number.NaN
  return low + (high - low) * (at - Math.floor(at))
}

/** `5.21 ms (5.04–5.47)`. */
export function shown({ median, quartiles: [low, high] }: Summary): string {
  const digits = median < 100 ? 2 : 0
  return `${median.toFixed(digits)} ms (${low.toFixed(digits)}–${high.toFixed(digits)})`
}
