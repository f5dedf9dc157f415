import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { AbusedDaemon, type Attack } from '../abused-daemon.ts'
import { preferThisProcess } from '../processors.ts'
import type { Bench, Figure, Row } from '../row.ts'
import { quantile } from '../samples.ts'

const BUDGET_MS = 100
const BUDGET_MB = 200
/** If the daemon is slow, there are fewer samples. */
const LONGEST_S = 10

const OF_ONE_ACCOUNT = [
  'opens 10,000 connections',
  'opens refused connections, and keeps its end of them open',
  'connects and disconnects',
  'connects and disconnects as fast as the kernel allows, from several processes',
  'sends half requests',
  'sends requests byte by byte',
  'sends only line breaks',
  'greets without pause',
  'sends requests that are too long',
  'sends requests for 100,000 GPUs by their ids',
  'sends requests that are nested as deep as possible',
  'sends a burst of bytes on each of 1,000 connections',
  'sends a burst of requests on each of 1,000 connections',
  'sends mutated sessions',
  'floods it with requests, and reads no answer',
  'sends long requests without pause',
  'asks for the whole history again and again',
  'asks for reports on every connection',
  'stops in the middle of everything',
  'watches as often as it can while it changes the pool',
  'watches without reading while it changes the pool',
  'waits 1,000 times',
  'waits, disconnects and waits again',
]
/** At once. */
const OF_MANY_ACCOUNTS = [
  'sends long requests without pause',
  'floods it with requests, and reads no answer',
  'sends requests that are nested as deep as possible',
]
const ATTACKS: readonly Attack[] = [
  ...OF_ONE_ACCOUNT.map((abuse) => ({ abuse, accounts: 1 })),
  ...OF_MANY_ACCOUNTS.map((abuse) => ({ abuse, accounts: 16 })),
]

/**
 * The abusers have a processor for themselves, and the daemon and its other clients have the others: this is the delay
 * in the daemon, not the competition for processors.
 */
export const abuse: Row = {
  name: 'abuse',
  what: `canhazgpu status of another account during each of ${ATTACKS.length} attacks on the daemon: the worst p95 (budget ${BUDGET_MS} ms), and the memory of the daemon above idle (budget ${BUDGET_MB} MB)`,
  async measure(bench) {
    if (process.geteuid?.() !== 0) return NOT_MEASURED
    preferThisProcess()
    const undisturbed = await measured(bench, null)
    const all: Measured[] = []
    for (const attack of ATTACKS) all.push(await measured(bench, attack))
    const p95 = Math.max(...all.map(({ status }) => status.p95))
    const megabytes = Math.max(...all.map((each) => each.megabytes))
    return {
      value: [`p95 ${p95.toFixed(1)} ms, ${megabytes.toFixed(0)} MB`, ...all.map(line)].join(
        '\n            ',
      ),
      comparedWith: `${line(undisturbed)}: the worst p95 is ${(p95 / undisturbed.status.p95).toFixed(1)} times as long`,
      ratio: Math.max(p95 / BUDGET_MS, megabytes / BUDGET_MB),
      budget: 1,
      broken: all.flatMap((each) => each.failures.map((failure) => `${each.name}: ${failure}`)),
      details: { undisturbed, all },
    }
  },
}

const NOT_MEASURED: Figure = {
  ...{ value: 'not measured', comparedWith: 'it needs root, for a second account' },
  ...{ ratio: 0, budget: 1, broken: [] },
}

interface Times {
  readonly p50: number
  readonly p95: number
  readonly max: number
}

interface Measured {
  readonly name: string
  /** The command, from its start to its exit. */
  readonly status: Times
  /** From a connection to the answer. */
  readonly answer: Times
  /** The processor time of the daemon meanwhile. */
  readonly work: Times
  /** The daemon's memory above idle. */
  readonly megabytes: number
  readonly failures: readonly string[]
}

let places = 0

async function measured(bench: Bench, attack: Attack | null): Promise<Measured> {
  // A longer name would be too long for the path of a socket.
  const folder = join(bench.folder, String(++places))
  mkdirSync(folder)
  await using daemon = await AbusedDaemon.start({ ...bench, folder })
  const failures: string[] = []
  const taken = { status: [] as number[], answer: [] as number[], work: [] as number[] }
  try {
    if (attack !== null) await daemon.attack(attack)
    const began = performance.now()
    for (let round = 0; round < 150 * bench.effort; round++) {
      taken.status.push(daemon.status())
      const { ms, workMs } = await daemon.ask()
      taken.answer.push(ms)
      taken.work.push(workMs)
      if (performance.now() - began > LONGEST_S * 1_000) break
    }
  } catch (error) {
    failures.push(String(error))
  }
  return {
    name: attack === null ? 'undisturbed' : nameOf(attack),
    ...{ status: timesOf(taken.status), answer: timesOf(taken.answer), work: timesOf(taken.work) },
    ...{ megabytes: daemon.megabytesAboveIdle, failures },
  }
}

const nameOf = ({ abuse: name, accounts }: Attack): string =>
  accounts === 1 ? name : `${name}, from ${accounts} accounts`

function timesOf(samples: readonly number[]): Times {
  const sorted = samples.toSorted((a, b) => a - b)
  return { p50: quantile(sorted, 0.5), p95: quantile(sorted, 0.95), max: sorted.at(-1) ?? Number.NaN }
}

/** Median, p95 and maximum of each time. */
function line({ name, status, answer, work, megabytes }: Measured): string {
  const shown = ({ p50, p95, max }: Times) => [p50, p95, max].map((ms) => ms.toFixed(1).padStart(6)).join('')
  return `${shown(status)} ms, answered in${shown(answer)}, work${shown(work)}, ${megabytes.toFixed(0).padStart(3)} MB  ${name}`
}
