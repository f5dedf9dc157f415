import { testProvider } from '../provider-contract.ts'
import { amdSmiDriver } from '../simulated-drivers.ts'

testProvider(amdSmiDriver)
