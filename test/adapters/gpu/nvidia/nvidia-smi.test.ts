import { testProvider } from '../provider-contract.ts'
import { nvidiaSmiStage } from '../stages.ts'

testProvider(nvidiaSmiStage)
