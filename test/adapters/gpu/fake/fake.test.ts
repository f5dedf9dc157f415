import { testProvider } from '../provider-contract.ts'
import { fakeStage } from '../stages.ts'

testProvider(fakeStage)
