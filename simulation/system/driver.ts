import { CanhazgpuError } from '../../src/domain/errors.ts'
import type { GpuReading, Probe } from '../../src/domain/pool/model.ts'
import type { GpuProvider } from '../../src/ports/driver.ts'
import type { Chance } from '../chance.ts'
import type { Machine } from './machine.ts'
import type { Process } from './process.ts'

export type DriverKind = 'working' | 'slow' | 'silent' | 'failing' | 'wrong'

/** The current behavior of the driver of a machine. */
export class DriverState {
  kind: DriverKind = 'working'
  /** Start of this behavior. */
  since = 0
}

/** The driver for one process. A probe takes time. Its readings are of one moment within that time. */
export function driverFor(process: Process): GpuProvider {
  const { machine, chance } = process
  return {
    probe: async (deadline) => {
      process.probing = machine.driver.kind
      try {
        const { kind } = machine.driver
        if (kind === 'silent') return await process.suspend(deadline, unresponsive)
        if (kind === 'failing') return await process.suspend(chance.between(1, 50), failed)
        const total = kind === 'slow' ? chance.spread(500, deadline * 1.5) : chance.spread(2, 80)
        if (total > deadline) return await process.suspend(deadline, unresponsive)
        const readAt = chance.between(0, total)
        const readings = await process.suspend(readAt, () => readingsOf(machine, chance, kind === 'wrong'))
        const probe: Probe = { provider: 'fake', readings }
        return await process.suspend(total - readAt, () => {
          process.lastProbe = probe
          return probe
        })
      } finally {
        process.probing = undefined
      }
    },
  }
}

/** An absent card shifts the numbers of the cards after it. */
function readingsOf(machine: Machine, chance: Chance, isWrong: boolean): readonly GpuReading[] {
  const shown = machine.devices.filter((device) => device.state !== 'absent')
  const readings = shown.map((device, index) => device.reading(index))
  if (!isWrong) return readings
  return readings.flatMap((reading) => wrongReading(reading, chance))
}

function wrongReading(reading: GpuReading, chance: Chance): readonly GpuReading[] {
  switch (chance.below(5)) {
    case 0:
      return [{ ...reading, state: { kind: 'measured', memoryUsedMb: 0, processes: [] } }]
    case 1:
      return [{ ...reading, state: { kind: 'measured', memoryUsedMb: 50_000, processes: [] } }]
    case 2:
      return [{ ...reading, state: { kind: 'fault', reason: 'Unknown Error' } }]
    case 3:
      return []
    default:
      return [reading]
  }
}

function unresponsive(): never {
  throw new CanhazgpuError('driver-unresponsive', 'The driver did not answer')
}

function failed(): never {
  throw new CanhazgpuError('driver-failed', 'The driver failed')
}
