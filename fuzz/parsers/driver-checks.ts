import type { ReportedGpu, ReportedProcess } from '../../src/adapters/gpu/reading.ts'
import { hold, isAmount, isWhole } from '../soundness.ts'

/** What must hold of the GPUs that a driver's output shows, whatever it was. */
export function checkGpus(gpus: readonly ReportedGpu[]): void {
  checkReadings(gpus)
  for (const { index, name, state } of gpus) {
    hold(name !== '', `GPU ${index} has no name`)
    if (state.kind === 'fault') hold(state.reason !== '', `GPU ${index} is faulty for no reason`)
    else checkProcesses(state.processes)
  }
  // Told twice, one of the two would hide what the other says.
  const measured = gpus.filter(({ state }) => state.kind === 'measured')
  const indices = measured.map((gpu) => gpu.index)
  const uuids = measured.map((gpu) => gpu.uuid).filter((uuid) => uuid !== '')
  hold(new Set(indices).size === indices.length, `GPUs that share a number: ${indices}`)
  hold(new Set(uuids).size === uuids.length, `GPUs that share a UUID: ${uuids}`)
}

/** What is read is of the right kind, and every amount is one. */
export function checkReadings(gpus: readonly ReportedGpu[]): void {
  for (const { index, uuid, name, state } of gpus) {
    hold(isWhole(index), `index ${index}`)
    hold(typeof uuid === 'string' && typeof name === 'string', `GPU ${index} is of the wrong kind`)
    if (state.kind === 'fault') {
      hold(typeof state.reason === 'string', `GPU ${index} has a wrong reason`)
      continue
    }
    const { memoryUsedMb, memoryTotalMb, utilizationPercent, temperatureC, powerW } = state
    const amounts = [memoryTotalMb, utilizationPercent, temperatureC, powerW]
    hold(Number.isFinite(memoryUsedMb) && memoryUsedMb >= 0, `GPU ${index} uses ${memoryUsedMb} MB`)
    hold(amounts.every(isAmount), `GPU ${index} measures ${amounts}`)
  }
}

export function checkProcesses(processes: readonly ReportedProcess[]): void {
  for (const { pid, memoryMb } of processes) {
    hold(isWhole(pid), `pid ${pid}`)
    hold(isAmount(memoryMb), `pid ${pid} uses ${memoryMb} MB`)
  }
  hold(new Set(processes.map((process) => process.pid)).size === processes.length, 'a process counts twice')
}
