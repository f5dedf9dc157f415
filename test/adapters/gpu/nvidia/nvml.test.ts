import { testProvider } from '../provider-contract.ts'
import { nvmlStage } from '../stages.ts'

testProvider(nvmlStage)
