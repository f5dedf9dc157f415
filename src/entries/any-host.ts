import { steadyNow } from '../adapters/kernel/clock.ts'
import { endLike } from '../adapters/process/end-like.ts'
import { callHost } from '../adapters/ssh/call-host.ts'
import { onAnyHost, type Tried } from '../app/fleet/any-host.ts'
import type { HostedCommand, LookFurther } from '../cli/context.ts'
import { type CallEnd, type FailedCall, leavesNothing } from '../domain/fleet/call-end.ts'
import type { Asked } from '../domain/fleet/forecast.ts'
import type { End } from '../domain/fleet/frames.ts'
import type { HostName, RemoteHost } from '../domain/fleet/host-name.ts'
import type { Millis } from '../domain/pool/model.ts'
import {
  nextHostLine,
  noHostNow,
  noUsableHost,
  startingHostLine,
  waitingHostLine,
} from '../views/words/any-host.ts'
import { commandFailure } from '../views/words/host-failures.ts'
import { ANSWER_MS, askHosts, type Candidate, candidates } from './ask-hosts.ts'
import { enterFolder } from './enter-folder.ts'
import { LOCAL_OPTIONS, requestFor } from './host-request.ts'
import type { Here } from './run-there.ts'

/**
 * Runs the command on a host that can start it now. If there is none, it joins the queue of the host with the earliest
 * forecast. Returns if that is this host.
 */
export async function runOnAnyHost(command: HostedCommand, here: Here): Promise<LookFurther> {
  const hosts = candidates(here)
  await search(command, here, { hosts, taken: [] })
  return () => search(command, here, { hosts, taken: hosts.filter(({ remote }) => remote === null) })
}

async function search(
  command: HostedCommand,
  here: Here,
  among: { readonly hosts: readonly Candidate[]; readonly taken: readonly Candidate[] },
): Promise<void> {
  const tries = new Tries(command, here)
  const result = await onAnyHost<Candidate, End | 'here'>({
    ...among,
    waits: command.wait !== undefined,
    ask: (hosts) => askHosts(hosts, command, here),
    start: (host) => tries.start(host),
    join: (host, asked) => tries.join(host, asked),
  })
  switch (result.kind) {
    case 'ended':
      return result.end === 'here' ? undefined : endLike(result.end)
    case 'none-now':
      throw noHostNow(named(result.first), result.asked.map(named), Date.now())
    case 'none':
      throw noUsableHost(result.asked.map(named))
  }
}

type Result = Tried<End | 'here'>

class Tries {
  readonly #command: HostedCommand
  readonly #here: Here
  readonly #began = steadyNow()

  constructor(command: HostedCommand, here: Here) {
    this.#command = command
    this.#here = here
  }

  async start({ remote, name }: Candidate): Promise<Result> {
    const announcement = startingHostLine(name, this.#here.json)
    if (remote === null) return this.#stay(announcement)
    const end = await this.#call(remote, ['--nonblock'], { announcement, answerWithin: ANSWER_MS })
    if (end.kind !== 'ended') return this.#failed(remote, end)
    return leavesNothing(end) ? { kind: 'taken' } : end
  }

  async join({ remote, name }: Candidate, asked: readonly Asked<Candidate>[]): Promise<Result> {
    const announcement = waitingHostLine(name, asked.map(named), this.#here.json)
    if (remote === null) return this.#stay(announcement)
    this.#here.stderr.write(announcement)
    const end = await this.#call(remote, [this.#waitWord()], {})
    if (end.kind === 'ended') return end
    const failed = this.#failed(remote, end)
    this.#here.stderr.write(nextHostLine(failed.error, this.#here.json))
    return failed
  }

  /** Throws if the command may run there, or the user has interrupted the call. */
  #failed(host: RemoteHost, end: FailedCall): Extract<Result, { kind: 'failed' }> {
    const error = commandFailure(end, host)
    if (!leavesNothing(end)) throw error
    return { kind: 'failed', error }
  }

  #call(
    host: RemoteHost,
    words: readonly string[],
    attempt: { readonly announcement?: string; readonly answerWithin?: Millis },
  ): Promise<CallEnd> {
    const without = [...LOCAL_OPTIONS, 'wait', 'nonblock']
    return callHost({
      ...requestFor(this.#command, this.#here.args, { operation: 'command', without, with: words }),
      ...{ ...attempt, host, hasInput: this.#command.name === 'run' },
      ignoredSignals: this.#here.ignoredSignals,
    })
  }

  /** The rest of the time for waiting. */
  #waitWord(): string {
    const { wait } = this.#command
    if (typeof wait !== 'number') return '--wait'
    const left = wait - (steadyNow() - this.#began)
    return `--wait=${Math.max(1, Math.ceil(left / 1000))}s`
  }

  #stay(announcement: string): Result {
    this.#here.stderr.write(announcement)
    enterFolder(this.#command.workdir)
    return { kind: 'ended', end: 'here' }
  }
}

const named = ({ host, forecast }: Asked<Candidate>): Asked<HostName> => ({ host: host.name, forecast })
