import { judged, type ReportedGpu, type ReportedProcess } from '../../src/adapters/gpu/reading.ts'
import { sumOf } from '../../src/domain/observation/evidence.ts'
import { isAmount, isWhole, verify } from '../soundness.ts'

/** Conditions for the GPUs parsed from any driver output. */
export function checkGpus(gpus: readonly ReportedGpu[]): void {
  checkReadings(gpus)
  checkJudged(gpus)
  for (const { index, name, state } of gpus) {
    verify(name !== '', `GPU ${index} has no name`)
    if (state.kind === 'fault') verify(state.reason !== '', `GPU ${index} has a fault without a reason`)
    else checkProcesses(state.processes ?? [])
  }
  // With two readings of one GPU, a later one would replace an earlier one.
  const measured = gpus.filter(({ state }) => state.kind === 'measured')
  const indices = measured.map((gpu) => gpu.index)
  const uuids = measured.map((gpu) => gpu.uuid).filter((uuid) => uuid !== '')
  verify(new Set(indices).size === indices.length, `several GPUs have one number: ${indices}`)
  verify(new Set(uuids).size === uuids.length, `several GPUs have one UUID: ${uuids}`)
}

/** A GPU with unknown memory and unknown processes must not count as measured. */
function checkJudged(gpus: readonly ReportedGpu[]): void {
  for (const [i, { index, state }] of judged(gpus, HOST_MEMORY_MB).entries()) {
    const reported = gpus[i]?.state
    if (state.kind === 'fault' || reported?.kind !== 'measured') continue
    verify(isAmount(state.memoryUsedMb), `GPU ${index} uses ${state.memoryUsedMb} MB`)
    verify(
      reported.memoryUsedMb !== undefined || reported.processes !== undefined,
      `GPU ${index} is measured without a reading`,
    )
    const held = sumOf(state.processes)
    verify(
      state.memoryBy === undefined || state.memoryUsedMb >= held,
      `GPU ${index} shows less than the ${held} MB of its processes`,
    )
  }
}

const HOST_MEMORY_MB = 81_559

/** All values have the right type, and all amounts are valid. */
export function checkReadings(gpus: readonly ReportedGpu[]): void {
  for (const { index, uuid, name, state } of gpus) {
    verify(isWhole(index), `index ${index}`)
    verify(
      typeof uuid === 'string' && typeof name === 'string',
      `GPU ${index} has a UUID or name that is not text`,
    )
    if (state.kind === 'fault') {
      verify(typeof state.reason === 'string', `GPU ${index} has a reason that is not text`)
      continue
    }
    const { memoryUsedMb, memoryTotalMb, utilizationPercent, temperatureC, powerW } = state
    const amounts = [memoryUsedMb, memoryTotalMb, utilizationPercent, temperatureC, powerW]
    verify(amounts.every(isAmount), `GPU ${index} has an invalid amount: ${amounts}`)
  }
}

export function checkProcesses(processes: readonly ReportedProcess[]): void {
  for (const { pid, memoryMb } of processes) {
    verify(isWhole(pid), `pid ${pid}`)
    verify(isAmount(memoryMb), `pid ${pid} uses ${memoryMb} MB`)
  }
  verify(new Set(processes.map((process) => process.pid)).size === processes.length, 'a process counts twice')
}
