import { testProvider } from '../provider-contract.ts'
import { fakeDriver } from '../simulated-drivers.ts'

testProvider(fakeDriver)
