import { steadyNow } from '../adapters/kernel/clock.ts'
import { errorText } from '../adapters/kernel/libc/library.ts'
import { changeFolder } from '../adapters/kernel/libc/paths.ts'
import { endLike } from '../adapters/process/end-like.ts'
import { toByteText } from '../adapters/process/environment.ts'
import { callHost } from '../adapters/ssh/call-host.ts'
import type { HostedCommand } from '../cli/context.ts'
import type { CallEnd } from '../domain/fleet/call-end.ts'
import { type Asked, firstToStart } from '../domain/fleet/forecast.ts'
import type { HostName, RemoteHost } from '../domain/fleet/host-name.ts'
import type { Millis } from '../domain/pool/model.ts'
import { chosenHostLine, nextHostLine, noHostNow, noUsableHost } from '../views/words/any-host.ts'
import { callFailure, folderFailure } from '../views/words/host-failures.ts'
import { ANSWER_MS, askHosts, type Candidate, candidates } from './ask-hosts.ts'
import { LOCAL_OPTIONS, requestFor } from './host-request.ts'
import type { Here } from './run-there.ts'

/** A host whose GPUs others took so often, between its answer and the start, is waited for as if they were not free. */
const MOST_LOST = 2

/**
 * Runs the command on a host that can start it now. If there is none, it joins the queue of the host with the earliest
 * forecast. Returns if that is this host. If a host fails, or others were faster there, all others are asked again.
 */
export async function runOnAnyHost(command: HostedCommand, here: Here): Promise<void> {
  const search = new Search(command, here)
  while (!(await search.isHere()));
}

class Search {
  readonly #command: HostedCommand
  readonly #here: Here
  readonly #began = steadyNow()
  readonly #lost = new Map<Candidate, number>()
  #hosts: readonly Candidate[]
  /** They are not asked again. */
  #failed: readonly Asked<Candidate>[] = []

  constructor(command: HostedCommand, here: Here) {
    this.#command = command
    this.#here = here
    this.#hosts = candidates(here)
  }

  /** Whether this host is the one. Does not return if another one has run the command; false: look again. */
  async isHere(): Promise<boolean> {
    const answers = await askHosts(this.#hosts, this.#command, this.#here)
    const asked = answers.map((each) => this.#withLosses(each))
    const now = asked.find(({ forecast }) => forecast.kind === 'now')
    if (now !== undefined) return this.#start(now.host)
    const first = firstToStart(asked)
    if (first === undefined) throw noUsableHost([...this.#failed, ...asked].map(named))
    if (this.#command.wait === undefined) throw noHostNow(named(first), Date.now())
    return this.#wait(first.host)
  }

  #withLosses({ host, forecast }: Asked<Candidate>): Asked<Candidate> {
    const isLost = forecast.kind === 'now' && (this.#lost.get(host) ?? 0) >= MOST_LOST
    return { host, forecast: isLost ? { kind: 'later', after: 0 } : forecast }
  }

  async #start(host: Candidate): Promise<boolean> {
    const { remote, name } = host
    const announcement = chosenHostLine(name, 'starts', this.#here.json)
    if (remote === null) return this.#stay(announcement)
    const end = await this.#call(remote, ['--nonblock'], { announcement, answerWithin: ANSWER_MS })
    if (end.kind === 'ended' && end.isStarted) return endLike(end.end)
    if (end.kind === 'ended') this.#lost.set(host, (this.#lost.get(host) ?? 0) + 1)
    else this.#leaveOut(host, end)
    return false
  }

  async #wait(host: Candidate): Promise<boolean> {
    const { remote, name } = host
    const announcement = chosenHostLine(name, 'waits', this.#here.json)
    if (remote === null) return this.#stay(announcement)
    this.#here.stderr.write(announcement)
    const end = await this.#call(remote, [this.#waitWord()], {})
    if (end.kind === 'ended') return endLike(end.end)
    this.#here.stderr.write(nextHostLine(this.#leaveOut(host, end), this.#here.json))
    return false
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

  /** Returns why. Throws if the command may run there, or the user has interrupted the call. */
  #leaveOut(host: Candidate, end: Exclude<CallEnd, { kind: 'ended' }>) {
    const error = callFailure(end, host.name)
    if (end.kind === 'lost' || end.kind === 'interrupted') throw error
    this.#failed = [...this.#failed, { host, forecast: { kind: 'failed', error } }]
    this.#hosts = this.#hosts.filter((each) => each !== host)
    return error
  }

  #stay(announcement: string): true {
    this.#here.stderr.write(announcement)
    const { workdir } = this.#command
    const failure = workdir === undefined ? 0 : changeFolder(toByteText(workdir))
    if (failure < 0) throw folderFailure(workdir ?? '', errorText(-failure))
    return true
  }
}

const named = ({ host, forecast }: Asked<Candidate>): Asked<HostName> => ({ host: host.name, forecast })
