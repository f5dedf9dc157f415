import { currentAccount } from '../../../src/adapters/accounts/account.ts'
import { currentMoment } from '../../../src/adapters/kernel/clock.ts'
import { currentProcess, liveness } from '../../../src/adapters/kernel/processes.ts'
import { snapshotInherited } from '../../../src/adapters/process/inherited.ts'

/** Prints the state of this process as JSON. Tests start it in different environments. */
const inherited = snapshotInherited()
const identity = currentProcess()
const state = {
  account: await currentAccount(),
  identity,
  liveness: liveness(identity),
  moment: currentMoment(),
  inherited: {
    descriptors: inherited.descriptors,
    openFiles: Number(inherited.openFiles),
    ignored: inherited.ignoredSignals.toString(16),
    blocked: inherited.blockedSignals.toString(16),
  },
}
console.log(JSON.stringify(state))
