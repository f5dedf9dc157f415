import { F_SETFD, fcntl } from '../adapters/kernel/libc/descriptors.ts'
import { execve } from '../adapters/kernel/libc/programs.ts'
import { inheritedEnvironment, toByteText, typedArguments } from '../adapters/process/environment.ts'
import { type Inherited, restoreInherited } from '../adapters/process/inherited.ts'
import { installedCommand } from '../adapters/process/self.ts'
import type { Place } from '../cli/context.ts'

/**
 * When a newer version upgrades the pool, a waiter executes the installed program. It stays the same process, so its
 * queue entry stays valid. The command line is `canhazgpu __rejoin <rejoin> ARGUMENT…`. One version writes `<rejoin>` and
 * a later one reads it, so fields may be added but never change their meaning.
 */
export interface Rejoin extends Place {
  readonly inherited: Inherited
  /** The descriptor of the gate to a caller on another host; absent without one. */
  readonly gate?: number
}

const REJOIN = '__rejoin'
/** Before the typed words there may be one of these, with one argument. */
const OWN_WORDS: readonly (string | undefined)[] = [REJOIN, '__hosted']

/** Returns only if no installed program can be executed. */
export function becomeSuccessor(rejoin: Rejoin): void {
  const { argv } = process
  const typed = argv.length - 2 - (OWN_WORDS.includes(argv[2]) ? 2 : 0)
  const command = installedCommand([REJOIN, encodeRejoin(rejoin)])
  if (command === null) return
  const [program = ''] = command
  const undo = restoreInherited(rejoin.inherited)
  if (rejoin.gate !== undefined) fcntl(rejoin.gate, F_SETFD, 0)
  execve(toByteText(program), [...command.map(toByteText), ...typedArguments(typed)], inheritedEnvironment())
  undo()
}

function encodeRejoin({ entry, giveUpAt, inherited, gate }: Rejoin): string {
  const { descriptors, ignoredSignals, blockedSignals, openFiles } = inherited
  return JSON.stringify({
    entry,
    giveUpAt: giveUpAt ?? null,
    descriptors,
    ignoredSignals: ignoredSignals.toString(),
    blockedSignals: blockedSignals.toString(),
    openFiles: openFiles.toString(),
    ...(gate === undefined ? {} : { gate }),
  })
}

/** Null for a text that no waiter wrote. */
export function decodeRejoin(text: string | undefined): Rejoin | null {
  try {
    const { entry, giveUpAt, descriptors, ignoredSignals, blockedSignals, openFiles, gate } = JSON.parse(
      text ?? '',
    )
    return {
      entry: String(entry),
      ...(typeof giveUpAt === 'number' ? { giveUpAt } : {}),
      ...(typeof gate === 'number' ? { gate } : {}),
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
