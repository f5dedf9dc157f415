import { execve } from '../adapters/kernel/libc.ts'
import { inheritedEnvironment, toByteText, typedArguments } from '../adapters/process/environment.ts'
import { type Inherited, restoreInherited } from '../adapters/process/inherited.ts'
import { installedCommand } from '../adapters/process/self.ts'
import type { Place } from '../cli/context.ts'

/**
 * A waiter whose pool was taken over by a newer version becomes the program that is installed by now. It stays
 * the same process, so its queue entry stays valid. The command line of the successor is
 * `canhazgpu __rejoin <rejoin> ARGUMENT…`; it is written by one version and read by a later one, so fields may be
 * added but never change their meaning.
 */
export interface Rejoin extends Place {
  readonly inherited: Inherited
}

export const REJOIN = '__rejoin'

/** Returns only if there is no program that can be executed. */
export function becomeSuccessor(rejoin: Rejoin): void {
  const { argv } = process
  const typed = argv.length - 2 - (argv[2] === REJOIN ? 2 : 0)
  const command = installedCommand([REJOIN, encodeRejoin(rejoin)])
  if (command === null) return
  const [program = ''] = command
  const undo = restoreInherited(rejoin.inherited)
  execve(toByteText(program), [...command.map(toByteText), ...typedArguments(typed)], inheritedEnvironment())
  undo()
}

function encodeRejoin({ entry, giveUpAt, inherited }: Rejoin): string {
  const { descriptors, ignoredSignals, blockedSignals, openFiles } = inherited
  return JSON.stringify({
    entry,
    giveUpAt: giveUpAt ?? null,
    descriptors,
    ignoredSignals: ignoredSignals.toString(),
    blockedSignals: blockedSignals.toString(),
    openFiles: openFiles.toString(),
  })
}

/** Null for what no waiter wrote. */
export function decodeRejoin(text: string | undefined): Rejoin | null {
  try {
    const { entry, giveUpAt, descriptors, ignoredSignals, blockedSignals, openFiles } = JSON.parse(text ?? '')
    return {
      entry: String(entry),
      ...(typeof giveUpAt === 'number' ? { giveUpAt } : {}),
      inherited: {
        descriptors: descriptors.map(Number),
        ignoredSignals: BigInt(ignoredSignals),
        blockedSignals: BigInt(blockedSignals),
        openFiles: BigInt(openFiles),
      },
    }
  } catch {
    return null
  }
}
