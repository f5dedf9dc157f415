import { startDetached } from '../../../src/adapters/process/detach.ts'
import { becomeCommand, typedCommand } from '../../../src/adapters/process/exec.ts'
import { snapshotInherited } from '../../../src/adapters/process/inherited.ts'
import { signalMasks } from '../../../src/adapters/process/parent.ts'
import { CanhazgpuError } from '../../../src/domain/errors.ts'

/** `become COMMAND…` becomes the command. It prints a failure as one line of JSON. */
const inherited = snapshotInherited()
startDetached(['true'])
const before = signalMasks('self')
try {
  const command = typedCommand(process.argv.length - 2)
  if (process.env.REMOVE_FIRST) await Bun.file(command.program).delete()
  becomeCommand({ ...command, inherited, set: { GIVEN: 'grün', TAKEN: null } })
} catch (error) {
  if (!(error instanceof CanhazgpuError)) throw error
  const after = signalMasks('self')
  const restored = before?.ignored === after?.ignored && before?.blocked === after?.blocked
  console.log(JSON.stringify({ code: error.code, message: error.message, restored }))
}
