import { testProvider } from '../provider-contract.ts'
import { nvmlDriver } from '../simulated-drivers.ts'

testProvider(nvmlDriver)
