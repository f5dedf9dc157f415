import { CanhazgpuError } from '../../../src/domain/errors.ts'
import type { Millis, Probe } from '../../../src/domain/pool/model.ts'

/** A driver, a clock and pauses that the test controls. */
export function controlledDriver() {
  let now: Millis = 1_000_000
  const probing: PromiseWithResolvers<Probe>[] = []
  const pauses = new Set<{ readonly until: Millis; readonly end: () => void }>()
  const stage = {
    /** Number of probes so far. */
    probes: 0,
    /** When each probe began, by its number. */
    begunAt: [] as Millis[],
    failures: [] as (string | undefined)[],
    get running() {
      return probing.length
    },
    provider: {
      probe: () => {
        stage.probes++
        stage.begunAt[stage.probes] = now
        const asked = Promise.withResolvers<Probe>()
        probing.push(asked)
        return asked.promise
      },
      close: () => {},
    },
    timeout: 10_000,
    recentMs: 2_000,
    clock: () => now,
    pause: (ms: Millis, signal: AbortSignal) =>
      new Promise<void>((resolve) => {
        const pause = {
          until: now + ms,
          end: () => {
            pauses.delete(pause)
            resolve()
          },
        }
        pauses.add(pause)
        signal.addEventListener('abort', pause.end)
      }),
    onFailure: (failure: CanhazgpuError | undefined) => void stage.failures.push(failure?.message),
    /** The running probe answers; its number is in its reading. */
    async answer() {
      await settled()
      probing.shift()?.resolve(probeNumber(stage.probes))
      await settled()
    },
    async fail(message = 'GPU is lost') {
      await settled()
      probing.shift()?.reject(new CanhazgpuError('driver-failed', message))
      await settled()
    },
    async pass(ms: Millis) {
      await settled()
      now += ms
      for (const pause of [...pauses]) if (pause.until <= now) pause.end()
      await settled()
    },
  }
  return stage
}

export function probeNumber(index: number): Probe {
  const state = { kind: 'measured', memoryUsedMb: index, processes: [] } as const
  return { provider: 'fake', readings: [{ index: 0, uuid: 'GPU-0', name: 'GPU', state }] }
}

/** Everything that can happen without time has happened. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

/** The number of a probe, from its reading. */
export function numberOf({ readings }: Probe): number {
  const state = readings[0]?.state
  return state?.kind === 'measured' ? state.memoryUsedMb : Number.NaN
}
