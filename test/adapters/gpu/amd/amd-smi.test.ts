import { testProvider } from '../provider-contract.ts'
import { amdSmiStage } from '../stages.ts'

testProvider(amdSmiStage)
