import { CanhazgpuError } from '../../domain/errors.ts'
import type { Millis, ProviderName } from '../../domain/pool/model.ts'
import { openProvider } from '../gpu/provider.ts'
import { type Environment, type RunProgram, runProgram } from '../gpu/run-program.ts'
import { type Files, type Recorded, recordedFiles } from './recorded-files.ts'

const PROVIDERS: readonly ProviderName[] = ['nvml', 'nvidia-smi', 'amd-smi']

/**
 * What the drivers of this machine answer to the questions of each provider, as files that the stand-ins of the tests
 * replay (test/stand-ins). A driver that is not installed has no files.
 */
export async function recordDrivers(env: Environment, deadlineMs: Millis): Promise<Files> {
  const all = await Promise.all(PROVIDERS.map((provider) => recordDriver(provider, env, deadlineMs)))
  return Object.assign({}, ...all)
}

async function recordDriver(provider: ProviderName, env: Environment, deadlineMs: Millis): Promise<Files> {
  const recorded: Recorded[] = []
  const run: RunProgram = async (command, options) => {
    const entry: Recorded = { args: command.slice(1), output: null }
    recorded.push(entry)
    const output = await runProgram(command, options)
    entry.output = output
    return output
  }
  try {
    await openProvider(provider, { gpuCount: 0, env, run }).probe(deadlineMs)
  } catch (error) {
    if (!(error instanceof CanhazgpuError)) throw error
    if (error.code === 'driver-missing') return {}
  }
  return recordedFiles(provider, recorded)
}
