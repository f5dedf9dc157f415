/**
 * Probes an NVML that is kept open once for each line on its standard input, within the deadline of its first argument,
 * and prints each outcome. Further arguments are the command of the child.
 */
import { KeptChild } from '../../src/adapters/gpu/nvidia/nvml-kept-child.ts'
import { KeptOpenNvml, keptOpenNvmlProvider } from '../../src/adapters/gpu/nvidia/nvml-kept-open.ts'
import { CanhazgpuError } from '../../src/domain/errors.ts'

const [deadline, ...command] = process.argv.slice(2)
const nvml =
  command.length === 0
    ? keptOpenNvmlProvider(process.env)
    : new KeptOpenNvml(() => new KeptChild(command, process.env))
for await (const _ of console) {
  try {
    const { readings } = await nvml.probe(Number(deadline))
    console.log(readings.length)
  } catch (error) {
    console.log(error instanceof CanhazgpuError ? `${error.code}: ${error.message}` : error)
  }
}
