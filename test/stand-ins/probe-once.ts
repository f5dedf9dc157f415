/** `probe-once PROVIDER DEADLINE_MS` probes once, prints the outcome, and exits by itself. */
import { openProvider } from '../../src/adapters/gpu/provider.ts'
import { CanhazgpuError } from '../../src/domain/errors.ts'
import { PROVIDERS } from '../../src/domain/pool/model.ts'

const name = PROVIDERS.find((provider) => provider === process.argv[2]) ?? 'fake'
const options = { gpuCount: 1, env: process.env, fakeScenarioFile: process.env.CANHAZGPU_FAKE_USAGE }
try {
  const { readings } = await openProvider(name, options).probe(Number(process.argv[3]))
  console.log(readings.length)
} catch (error) {
  console.log(error instanceof CanhazgpuError ? error.code : error)
}
