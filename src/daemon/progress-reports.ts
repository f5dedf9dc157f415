import { type ProgressSource, progressOfEach, type WaitProgress } from '../app/waiting/wait-progress.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import { reservedUnits } from '../domain/observation/allocation.ts'
import { evidenceOf } from '../domain/observation/observation.ts'
import type { StaleReadings } from '../domain/observation/sample.ts'
import type { Millis } from '../domain/pool/model.ts'
import type { ProcessCheck } from '../domain/pool/process-check.ts'
import type { PoolService } from '../ports/pool-service.ts'
import { Paced } from './paced.ts'

/** The queue is planned for each report, whatever the number of waiters. */
const REPORT_EVERY_MS: Millis = 1_000
/** Nothing else happens while the queue is planned, so a rest follows: this many times as long. */
const REST = 30
const LONGEST_REST_MS: Millis = 60_000

/** A waiter, and what it was told last. */
export interface ReportedTo {
  readonly id: string
  /** The last progress that was reported, as JSON. */
  reported: string
  /** Whether its entry is about to be removed. */
  readonly isOver: (now: Millis) => boolean
  readonly report: (progress: WaitProgress) => void
}

export interface ProgressReportsParts {
  /** The pool for the daemon's own account. */
  readonly service: PoolService
  readonly processes: ProcessCheck
  readonly waiters: () => readonly ReportedTo[]
  /** Steady time. */
  readonly clock: () => Millis
  /** Reports a failure to the log. */
  readonly log: (error: unknown) => void
}

/** Tells the waiters their positions, expected starts and obstacles. */
export class ProgressReports {
  readonly #parts: ProgressReportsParts
  readonly #joined = new Paced(REPORT_EVERY_MS, () => void this.#report())
  #isReporting = false
  #timer: ReturnType<typeof setTimeout> | undefined
  /** The end of the rest after the last report. */
  #notBefore: Millis = Number.NEGATIVE_INFINITY

  constructor(parts: ProgressReportsParts) {
    this.#parts = parts
  }

  /** A waiter has joined: it is told at once, unless others have joined a moment before. */
  joined(): void {
    this.#joined.request()
  }

  /** The queue may have changed. */
  changed(): void {
    const report = () => {
      this.#timer = undefined
      void this.#report()
    }
    this.#timer ??= setTimeout(report, Math.max(REPORT_EVERY_MS, this.#notBefore - this.#parts.clock()))
  }

  /** While the driver is slow, one report is under way. */
  async #report(): Promise<void> {
    if (this.#isReporting || this.#parts.clock() < this.#notBefore) {
      this.changed()
      return
    }
    this.#isReporting = true
    try {
      await this.#reportToAll()
    } catch (error) {
      this.#parts.log(error)
    } finally {
      this.#isReporting = false
    }
  }

  async #reportToAll(): Promise<void> {
    const { service, processes, waiters, clock } = this.#parts
    if (waiters().length === 0) return
    const present = await this.#presentReading()
    const { pool, moment } = await service.view('stored')
    const source: ProgressSource = { now: moment.wall, stopped: processes.stopped, ...present }
    const began = clock()
    const progressIn = progressOfEach(pool, source)
    for (const waiter of waiters()) report(waiter, progressIn(waiter.id))
    const ended = clock()
    this.#notBefore = ended + Math.min(LONGEST_REST_MS, REST * (ended - began))
  }

  /** The reading of a recent sample, also for waiters that could not start and therefore made no attempt. */
  async #presentReading(): Promise<Pick<ProgressSource, 'reading' | 'driverFailure'>> {
    try {
      const { pool, observation, stale } = await this.#parts.service.view('observed')
      if (stale !== undefined) return { reading: undefined, driverFailure: errorIn(stale) }
      const reading = { evidence: evidenceOf(pool, observation), reserved: reservedUnits(pool) }
      return { reading, driverFailure: undefined }
    } catch (error) {
      if (!(error instanceof CanhazgpuError)) throw error
      return { reading: undefined, driverFailure: error }
    }
  }
}

function errorIn({ failure: { code, message, hint } }: StaleReadings): CanhazgpuError {
  return new CanhazgpuError(code, message, hint === undefined ? {} : { hint })
}

/** Reports only what differs from the last report. */
function report(waiter: ReportedTo, progress: WaitProgress | null): void {
  if (progress === null || waiter.isOver(progress.now)) return
  const { now: _, ...facts } = progress
  const reported = JSON.stringify(facts)
  if (reported === waiter.reported) return
  waiter.reported = reported
  waiter.report(progress)
}
