import { testProvider } from '../provider-contract.ts'
import { nvidiaSmiDriver } from '../simulated-drivers.ts'

testProvider(nvidiaSmiDriver)
