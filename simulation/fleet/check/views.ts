import type { HostsAnswer } from '../../../src/app/fleet/hosts.ts'
import type { SnapshotPart } from '../../../src/domain/fleet/snapshot.ts'
import type { Report } from '../../check/truth.ts'
import { Violation } from '../../check/violation.ts'
import type { Process } from '../../system/process.ts'
import type { BoardServer } from '../board-server.ts'
import type { MadeNotice, Notices } from './notices.ts'

/** The rounding of times. */
const SLACK = 5
/** Nobody knows when the board answered, so a sign may look older than it is by the longest time of an answer. */
const MOST_LATE = 3_000
/** The board lets an older notice replace one that it received longer ago than this. */
const ORDERED_FOR = 60_000

/** The oldest last sign of a host without faults. */
const MOST_AGE = 20_000

interface Shown {
  readonly notice: MadeNotice
  readonly begun: number
  readonly at: number
}

/** The rules of views: what is shown of a host is its own, never goes back, and is as old as it says. */
export class Views {
  readonly #notices: Notices
  readonly #server: BoardServer
  readonly #report: Report
  /** The newest notice that any view has shown, by part and host. */
  readonly #newest = new Map<string, Shown>()
  /** The number of views that were checked. */
  checked = 0

  constructor(parts: { notices: Notices; server: BoardServer; report: Report }) {
    this.#notices = parts.notices
    this.#server = parts.server
    this.#report = parts.report
  }

  viewer(process: Process, part: SnapshotPart): ViewCheck {
    const documents = new WeakMap<object, number>()
    /** What this viewer has shown last, by host. */
    const own = new Map<string, Shown>()
    return {
      read: (document, number) => {
        if (document !== undefined && Number.isSafeInteger(number)) documents.set(document, number)
        return document
      },
      shown: (answer, begun) => {
        this.checked++
        const { now } = process.machine.scheduler
        for (const host of answer.hosts) {
          if (host.source !== 'board') continue
          // A host adds up its usage again when it learns that the board has lost it.
          if (part === 'usage' && host.kind === 'unreadable' && this.#server.lostAt >= 0) continue
          if (host.kind !== 'known') {
            this.#fail(process, `${host.name} is ${host.kind} on the board`)
            continue
          }
          const notice = this.#notices.of(documents.get(host.document) ?? -1)
          if (notice === undefined || notice.machine.name !== host.name) {
            this.#fail(process, `what is shown of ${host.name} was never published by it`)
            continue
          }
          const shown = { notice, begun, at: now }
          // The usage is published less often than the signs of a host.
          if (!process.wasStopped && part !== 'usage') this.#auditAge(process, host, shown)
          this.#auditOrder(process, own.get(host.name), shown)
          // It was read before.
          if (answer.boardFailure !== undefined) continue
          own.set(host.name, shown)
          // The board may have lost it, and this viewer remembers it.
          if ((notice.receptions.at(-1) ?? 0) <= this.#server.lostAt) continue
          const key = `${part} ${host.name}`
          const newest = this.#newest.get(key)
          this.#auditOrder(process, newest, shown)
          if (
            newest === undefined ||
            notice.begun >= newest.notice.begun ||
            newest.begun <= this.#server.lostAt
          )
            this.#newest.set(key, shown)
        }
      },
      fail: (text) => this.#fail(process, text),
      complete: (answer, expected) => {
        for (const { name, isRepeated, changedAt } of expected) {
          const host = answer.hosts.find((each) => each.name === name)
          if (host?.kind === 'known' && (!isRepeated || host.age <= MOST_AGE)) {
            const notice =
              host.source === 'board' ? this.#notices.of(documents.get(host.document) ?? -1) : undefined
            // The usage is published less often than changes.
            if (part !== 'usage' && notice !== undefined && notice.ended < changedAt)
              this.#fail(
                process,
                `${name} is shown as it was ${changedAt - notice.ended} ms before its last change`,
              )
            continue
          }
          const failure = answer.boardFailure?.message ?? ''
          this.#fail(
            process,
            `${name} is not shown after the faults have ended: ${JSON.stringify(host)} ${failure}`,
          )
        }
      },
    }
  }

  #auditAge(process: Process, { age, name }: { age: number; name: string }, { notice, at }: Shown): void {
    const truths = notice.receptions.map((received) => at - received)
    const isTrue = notice.receptions.some((received) => {
      const { short, long } = this.#server.errorOfAge(received)
      const truth = at - received
      return age >= truth - short - SLACK && age <= truth + long + MOST_LATE + SLACK
    })
    if (isTrue) return
    this.#fail(process, `${name} is shown ${age} ms after its last sign, which was ${truths.join()} ms ago`)
  }

  /** Notices of two boots, and notices that were made at the same time, have no order. */
  #auditOrder(process: Process, before: Shown | undefined, { notice, begun, at }: Shown): void {
    if (before === undefined || before.at > begun || before.notice.epoch !== notice.epoch) return
    // The board does not know which boot is later, so what arrives late from an earlier one is shown in any order.
    if (notice.boot !== notice.machine.boots) return
    if (before.notice.begun <= notice.ended || this.#server.lostAt >= before.begun) return
    const last = before.notice.receptions.at(-1) ?? 0
    if ((notice.receptions.at(-1) ?? 0) - last > ORDERED_FOR || this.#server.errorOfAge(last).long > 0) return
    if (this.#notices.isOrderLost(notice.machine, last)) return
    this.#fail(
      process,
      `${notice.machine.name} is shown as it was ${at - notice.ended} ms ago, after it was shown as it was ${at - before.notice.begun} ms ago`,
    )
  }

  #fail(process: Process, text: string): void {
    this.#report(new Violation('board', `${process.name}: ${text}`))
  }
}

export interface ExpectedHost {
  readonly name: string
  readonly isRepeated: boolean
  /** When it made the last change that must be shown. */
  readonly changedAt: number
}

export interface ViewCheck {
  /** Notes which notice a document was read from. */
  read<Document extends object>(document: Document | undefined, number: number): Document | undefined
  /** Checks one view, which began at this time. */
  shown(answer: HostsAnswer<object>, begun: number): void
  fail(text: string): void
  /** Checks that a view shows all these hosts, and those that publish repeatedly as they were since the faults ended. */
  complete(answer: HostsAnswer<object>, expected: readonly ExpectedHost[]): void
}
