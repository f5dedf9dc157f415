import { CanhazgpuError } from '../domain/errors.ts'
import { ANY_HOST } from '../domain/fleet/host-name.ts'
import type { Millis } from '../domain/pool/model.ts'
import type { Context, HostedCommand } from './context.ts'
import { hostName } from './options/kinds.ts'
import type { Option } from './options/option.ts'
import { option } from './options/option.ts'

/** For commands that one host performs. */
export const hostOption = option('--host <name>', 'Do it on another host, by SSH', {
  kind: hostName((_, { remoteHosts }) => remoteHosts()),
})

/** For commands that acquire GPUs. */
export const anyHostOption = option(
  '--host <name>',
  'Do it on another host, by SSH; any: where it can start first',
  { kind: hostName(async (_, { remoteHosts }) => [ANY_HOST, ...(await remoteHosts())]) },
)

interface Given {
  readonly host?: string | undefined
  readonly workdir?: string | undefined
  readonly wait?: Millis | true | undefined
  readonly nonblock?: boolean | undefined
}

/**
 * Performs the command on the host of `--host`, and ends as it ends. Returns if this host performs it: there is no such
 * option, it names this host, or another host asked this one. The result handles a failure here: if any host will do, and
 * others took the GPUs first, it looks for another host; otherwise it throws the failure.
 */
export async function unlessElsewhere(
  name: HostedCommand['name'],
  { host, workdir, wait, nonblock }: Given,
  { context, options }: { readonly context: Context; readonly options: readonly Option[] },
): Promise<(failure: unknown) => Promise<never>> {
  if (host === undefined || context.caller !== null) return rethrow
  if (host === ANY_HOST && name === 'release') throw needsOneHost('release')
  const waits = wait !== undefined && nonblock !== true
  const lookFurther = await context.runOnHost({
    ...{ name, options, host },
    ...(waits ? { wait } : {}),
    ...(workdir === undefined ? {} : { workdir }),
  })
  return async (failure) => {
    if (lookFurther !== null && isTaken(failure)) await lookFurther()
    throw failure
  }
}

/** `what` cannot be done on any host. */
export const needsOneHost = (what: string): CanhazgpuError =>
  new CanhazgpuError('usage', `${what} needs one host, not --host any`, { hint: 'name the host' })

async function rethrow(failure: unknown): Promise<never> {
  throw failure
}

const isTaken = (failure: unknown): boolean =>
  failure instanceof CanhazgpuError && failure.code === 'not-enough-gpus'
