import type { AuditRow, Evidence, HistoryRow } from '../../torture/check/evidence.ts'
import type { CommandRequest, Entry, JobEntry, Stamp } from '../../torture/log.ts'

const START = Date.UTC(2026, 0, 1)
const FOUR_GPUS = [0, 1, 2, 3]

/** The moment `ms` after the start. */
export const at = (ms: number): Stamp => ({ steady: 5_000 + ms, wall: START + ms })

const time = (ms: number): string => new Date(at(ms).wall).toISOString()

/** GPU time in ms. */
export interface Sums {
  readonly run: number
  readonly manual: number
  readonly ms: number
}

type Span = readonly [from: number, to: number]

/** Evidence of a round, made by hand. There is one user, ann. */
export class EvidenceBuilder implements Evidence {
  readonly entries: Entry[] = []
  readonly jobs = new Map<string, JobEntry[]>()
  readonly history: HistoryRow[] = []
  readonly audit: AuditRow[] = []
  readonly pool = { reservations: [] as unknown[], queue: [] as unknown[], bookings: [] as unknown[] }
  integrity = 'ok'

  constructor() {
    this.entries.push({
      event: 'opened',
      at: at(0),
      ...{ seed: 1, gpus: FOUR_GPUS.length, users: ['ann'], administrator: 0, unusedAfter: 1_500 },
    })
  }

  started(
    ms: number,
    command: string,
    request: Partial<CommandRequest> & Pick<CommandRequest, 'verb'>,
  ): void {
    const isRead = ['status', 'queue', 'report'].includes(request.verb)
    const argv = [request.verb, ...(isRead ? ['--json'] : [])]
    const event = 'started'
    this.entries.push({ event, at: at(ms), command, request: { user: 'ann', uid: 1001, argv, ...request } })
  }

  ended(ms: number, command: string, status = 0, stdout = ''): void {
    this.entries.push({ event: 'ended', at: at(ms), command, status, signal: null, stdout })
  }

  killed(ms: number, command: string, seen: number): void {
    this.#signalled(ms, command, 'SIGKILL')
    this.entries.push({
      event: 'ended',
      at: at(seen),
      command,
      status: null,
      signal: 'SIGKILL',
      stdout: '',
    })
  }

  stopped(ms: number, command: string): void {
    this.#signalled(ms, command, 'SIGSTOP')
  }

  continued(ms: number, command: string): void {
    this.#signalled(ms, command, 'SIGCONT')
  }

  #signalled(ms: number, command: string, signal: string): void {
    this.entries.push({ event: 'signalled', at: at(ms), command, phase: 'running', pid: 1, signal })
  }

  /** A time without a daemon. */
  outage(from: number, to: number): void {
    this.entries.push({ event: 'daemon', at: at(from), what: 'killed', pid: 1 })
    this.entries.push({ event: 'daemon', at: at(to), what: 'listens', pid: 2 })
  }

  prints(ms: number, command: string, line: string): void {
    this.entries.push({ event: 'printed', at: at(ms), command, line })
  }

  waits(ms: number, command: string, position: number): void {
    this.prints(ms, command, JSON.stringify({ waiting: { position } }))
  }

  job(ms: number, command: string, event: JobEntry['event'], gpus: readonly number[], number = 0): void {
    const entry = {
      event,
      number,
      at: at(ms),
      pid: 1,
      uid: 1001,
      gpus: gpus.join(),
      reservation: `r-${command}`,
    }
    this.jobs.set(command, [...(this.jobs.get(command) ?? []), entry])
  }

  /** One row for each GPU. */
  record(command: string, gpus: readonly number[], [from, to]: Span, change: Partial<HistoryRow> = {}): void {
    for (const gpu of gpus) {
      this.history.push({
        reservation: `r-${command}`,
        gpu,
        user: 'ann',
        uid: 1001,
        kind: 'run',
        started_at: at(from).wall,
        ended_at: at(to).wall,
        outcome: 'exited',
        note: command,
        ...change,
      })
    }
  }

  /** A `run` that ends by itself. Times: start of the command, start and end of the job, end of the command. */
  run(
    command: string,
    gpus: readonly number[],
    [asked, started, finished, seen]: readonly [number, number, number, number],
    request: Partial<CommandRequest> = {},
  ): void {
    this.started(asked, command, { verb: 'run', gpus: gpus.length, ...request })
    this.job(started, command, 'started', gpus)
    this.job(finished, command, 'finished', gpus)
    this.ended(seen, command)
  }

  /** A `reserve` that succeeds. Times: start, grant, end. */
  reserve(
    command: string,
    gpus: readonly number[],
    [asked, granted, seen]: readonly [number, number, number],
    holdLimit: number,
  ): void {
    this.started(asked, command, { verb: 'reserve', gpus: gpus.length, holdLimit })
    const [started_at, expiry_time] = [time(granted), time(granted + holdLimit)]
    const grant = { reservation: `r-${command}`, gpus, started_at, expiry_time }
    this.ended(seen, command, 0, JSON.stringify(grant))
  }

  /** A booking that is accepted. Times: start, answer; begin, end. */
  book(command: string, gpus: CommandRequest['gpus'], [asked, answered]: Span, [from, until]: Span): void {
    this.started(asked, command, { verb: 'book', gpus: gpus ?? 1, holdLimit: until - from })
    const document = { booking: `r-${command}`, from: time(from), until: time(until) }
    this.ended(answered, command, 0, JSON.stringify(document))
  }

  /** The booking has begun. */
  begun(command: string, gpus: readonly number[], span: Span, change: Partial<HistoryRow> = {}): void {
    this.record(command, gpus, span, { kind: 'booking', outcome: 'expired', ...change })
  }

  /** `release` of a booking, which cancels it, or fails with this code. */
  cancel(command: string, of: string, [from, to]: Span, code?: string): void {
    this.started(from, command, { verb: 'cancel', booking: `r-${of}` })
    if (code !== undefined) this.prints(to, command, JSON.stringify({ error: { reason: { code } } }))
    this.ended(to, command, code === undefined ? 0 : 1, JSON.stringify({ released: [], cancelled: {} }))
  }

  refused(command: string, ms: number, reason: { readonly code: string; readonly limit?: string }): void {
    this.prints(ms, command, JSON.stringify({ error: { reason } }))
    this.ended(ms, command, 75)
  }

  /** A rule of the whole pool. */
  rule(ms: number, key: string, after: number | null): void {
    this.audit.push({
      at: at(ms).wall,
      change: { kind: 'rule', key, scope: { kind: 'pool' }, before: null, after },
    })
  }

  drained(gpu: number, [from, to]: Span): void {
    this.audit.push({ at: at(from).wall, change: { kind: 'drain', units: [String(gpu)] } })
    this.audit.push({ at: at(to).wall, change: { kind: 'restore', units: [String(gpu)] } })
  }

  /** A release of these ids. */
  release(command: string, released: readonly number[], [from, to]: Span, gpus: readonly number[]): void {
    this.started(from, command, { verb: 'release', gpus })
    this.ended(to, command, 0, JSON.stringify({ released }))
  }

  status(command: string, holders: Readonly<Record<number, string>>, [from, to]: Span): void {
    this.started(from, command, { verb: 'status' })
    const gpus = FOUR_GPUS.map((gpu_id) => {
      const note = holders[gpu_id]
      return note === undefined ? { gpu_id, status: 'AVAILABLE' } : { gpu_id, status: 'IN_USE', note }
    })
    this.ended(to, command, 0, JSON.stringify(gpus))
  }

  queue(command: string, waiters: readonly string[], [from, to]: Span, since = 0): void {
    this.started(from, command, { verb: 'queue' })
    const places = waiters.map((note, nth) => ({ position: nth + 1, note, waiting_since: time(since) }))
    this.ended(to, command, 0, JSON.stringify(places))
  }

  report(command: string, { run, manual, ms }: Sums, [from, to]: Span): void {
    this.started(from, command, { verb: 'report' })
    const total = { gpu_hours: Number((ms / 3_600_000).toFixed(4)), run, manual }
    const users = run + manual === 0 ? [] : [{ user: 'ann', ...total }]
    this.ended(to, command, 0, JSON.stringify({ users, total }))
  }

  table(command: string, { run, manual, ms }: Sums, [from, to]: Span): void {
    this.started(from, command, { verb: 'report', argv: ['report'] })
    const line = (name: string) => `${name}   ${(ms / 3_600_000).toFixed(2)}   100.0%   ${run}   ${manual}\n`
    this.ended(to, command, 0, line('ann') + line('TOTAL'))
  }

  /** Removes all evidence of these commands. */
  forget(...commands: readonly string[]): void {
    for (const command of commands) {
      this.jobs.delete(command)
      remove(this.history, ({ note }) => note === command)
      remove(this.entries, (entry) => 'command' in entry && entry.command === command)
    }
  }

  changeRows(command: string, change: Partial<HistoryRow>): void {
    for (const [nth, row] of this.history.entries()) {
      if (row.note === command) this.history[nth] = { ...row, ...change }
    }
  }
}

function remove<Each>(all: Each[], matches: (each: Each) => boolean): void {
  all.splice(0, all.length, ...all.filter((each) => !matches(each)))
}
