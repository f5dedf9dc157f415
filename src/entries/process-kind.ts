import { exitNow } from '../adapters/kernel/libc/process.ts'
import type { RemoteCaller } from '../cli/context.ts'

/** Runs the kind of process that the first argument names. It loads nothing that only a typed command needs. */
export async function runProcess(args: readonly string[]): Promise<void> {
  switch (args[0]) {
    case '__probe': {
      const { nvmlProbeMain } = await import('../adapters/gpu/nvidia/nvml-child.ts')
      await nvmlProbeMain()
      break
    }
    case '__probes': {
      const { nvmlProbesMain } = await import('../adapters/gpu/nvidia/nvml-probes.ts')
      await nvmlProbesMain()
      exitNow(0)
      break
    }
    case '__supervise': {
      const { superviseMain } = await import('./supervisor.ts')
      exitNow(await superviseMain(args.slice(1)))
      break
    }
    case '__publish': {
      const { publishMain } = await import('./publish.ts')
      exitNow(await publishMain(args.slice(1)))
      break
    }
    case '__stop': {
      const { stopMain } = await import('./job-stopper.ts')
      await stopMain(args[1] ?? '')
      exitNow(0)
      break
    }
    case '__tell': {
      const { tellMain } = await import('./job-message.ts')
      tellMain(args[1] ?? '')
      break
    }
    case '__usage': {
      const { usageMain } = await import('./usage-child.ts')
      exitNow(await usageMain(args[1] ?? '', args[2] ?? ''))
      break
    }
    case '__history': {
      const { historyMain } = await import('./history-child.ts')
      exitNow(await historyMain(args[1] ?? '', args[2] ?? ''))
      break
    }
    case '__remote': {
      const { remoteMain } = await import('./remote.ts')
      exitNow(await remoteMain(args[1] ?? ''))
      break
    }
    case '__hosted':
    case '__forecast': {
      const { hostedMain } = await import('./hosted.ts')
      exitNow(await hostedMain(args.slice(1), args[0] === '__forecast'))
      break
    }
    case '__rejoin': {
      const [{ decodeRejoin }, { commandLineMain }] = await Promise.all([
        import('./successor.ts'),
        import('./command-process.ts'),
      ])
      const rejoin = decodeRejoin(args[1])
      const commandLine = args.slice(2)
      exitNow(await commandLineMain(commandLine, rejoin, await callerOf(rejoin?.gate, commandLine[0])))
      break
    }
    default: {
      const { commandMain } = await import('./command-process.ts')
      await commandMain(args)
    }
  }
}

/** A successor asks the same caller on another host. */
async function callerOf(gate: number | undefined, command: string | undefined): Promise<RemoteCaller | null> {
  if (gate === undefined) return null
  const { remoteCaller } = await import('./hosted.ts')
  return remoteCaller(gate, command)
}
