import { driverFailed, notUnderstood } from '../../src/adapters/gpu/driver-errors.ts'
import { firstLine } from '../../src/adapters/gpu/driver-text.ts'
import { queue } from '../../src/cli/commands/queue.ts'
import { report } from '../../src/cli/commands/report.ts'
import { shownText } from '../../src/cli/options/kinds.ts'
import { CanhazgpuError } from '../../src/domain/errors.ts'
import { runningTimes, tallied, usageReport } from '../../src/domain/ledger/report.ts'
import { obstaclesIn } from '../../src/domain/observation/obstacles.ts'
import { unitUse } from '../../src/domain/observation/readings.ts'
import { statusOf } from '../../src/domain/observation/status.ts'
import type { GpuUse, Pool, UnitId } from '../../src/domain/pool/model.ts'
import { gpuUnit, wholeUnits } from '../../src/domain/pool/units.ts'
import { queuePlaces } from '../../src/domain/schedule/queue-places.ts'
import { printable, printableJson, shortened } from '../../src/domain/text/text.ts'
import { queueDocument } from '../../src/views/documents/queue-document.ts'
import { reportDocument } from '../../src/views/documents/report-document.ts'
import { statusDocument } from '../../src/views/documents/status-document.ts'
import { statusLine } from '../../src/views/words/status/line.ts'
import { statusTable } from '../../src/views/words/status/table.ts'
import { waitingWords } from '../../src/views/words/waiting-words.ts'
import { PART, type Parser, parts } from '../parser.ts'
import { answerOf, checkJson, checkLine, checkRefusal, checkScreen, verify } from '../soundness.ts'

const NOW = 1_750_000_000_000
const WIDE = { color: false, terminal: false, columns: Number.POSITIVE_INFINITY }
const NARROW = { color: true, terminal: true, columns: 80 }

/** Puts the input into every output that can contain text of other users. */
export const screen: Parser = {
  name: 'screen',
  seeds: [
    ['alice', 'night run', 'python3', 'GPU is lost', 'NVIDIA H100', 'vllm serve meta/llama'].join(PART),
    ['uid 1234', '山田太郎', '[kworker/0:1]', 'Unknown Error', 'é', 'python --model x'].join(PART),
    'bob',
  ],
  words: [
    PART,
    ' ',
    'GPU 0: AVAILABLE',
    '\u001b',
    '\u009b',
    '[31m',
    '\u202e',
    '\u200b',
    '\r',
    '\n',
    '…',
    '--model ',
  ],
  longest: 8_192,
  check(input) {
    const texts = parts(input)
    for (const text of texts) checkText(text)
    const text = (at: number) => texts[at % texts.length] ?? ''
    const pool = poolOf(text)
    const readings = new Map(uses(text).map((each, at) => [gpuUnit(at), { uuid: '', use: unitUse(each) }]))
    const gpus = statusOf(pool, readings, 1024)
    const view = { now: NOW, thresholdMb: 1024 }
    for (const gpu of gpus) checkLine(statusLine(gpu, view, WIDE))
    checkRows(statusTable(gpus, view, WIDE), gpus.length + 1)
    checkWidth(statusTable(gpus, view, NARROW))
    checkJson(printableJson(statusDocument({ pool, view, gpus }), 2))
    const reading = { evidence: { readings, thresholdMb: 1024 }, reserved: new Set<UnitId>() }
    const places = queuePlaces(pool, { now: NOW, stopped: () => false, reading })
    checkRows(queue.text(places, WIDE).stdout ?? '', pool.queue.length + 1)
    checkWidth(queue.text(places, NARROW).stdout ?? '')
    checkJson(printableJson(queueDocument(places)))
    const range = { from: NOW - 1e9, to: NOW }
    const hours = usageReport(tallied(runningTimes(pool, NOW), range, []), range, 7)
    checkScreen(report.text(hours, WIDE).stdout ?? '')
    checkJson(printableJson(reportDocument(hours), 2))
    const obstacles = obstaclesIn(pool, reading)
    for (const { forecast } of places.places) {
      const driverFailure = new CanhazgpuError('driver-failed', text(3))
      const progress = { position: 1, length: 2, free: 0, obstacles, driverFailure, forecast, now: NOW }
      checkLine(waitingWords({ kind: 'count', count: 1 }, progress))
      const { driverFailure: _, ...withoutFailure } = progress
      checkLine(waitingWords({ kind: 'ids', ids: ['0'] }, withoutFailure))
    }
  },
}

function checkWidth(output: string): void {
  const isTooWide = (line: string) => Bun.stringWidth(line) > NARROW.columns
  verify(!output.split('\n').some(isTooWide), 'a line is wider than the terminal')
}

function checkRows(output: string, count: number): void {
  checkScreen(output)
  verify(output.split('\n').length === count + 1, `the output has not ${count} lines`)
}

function checkText(text: string): void {
  checkLine(printable(text))
  verify(printable(printable(text)) === printable(text), 'a second conversion changes the text')
  for (const length of [1, 10, 60]) {
    const short = shortened(text, length)
    checkLine(short)
    verify(short.length <= length, `${short.length} characters, not ${length}`)
    verify(!text.isWellFormed() || short.isWellFormed(), 'a character is cut in half')
  }
  checkLine(firstLine(text))
  const shown = answerOf(['usage'], () => shownText.read(text, '--note'))
  verify(shown === null || (shown.length > 0 && shown.length <= 200), 'a note is empty or too long')
  for (const error of [
    new CanhazgpuError('failure', text, { hint: text }),
    notUnderstood(text, text),
    driverFailed(text, text),
  ]) {
    checkRefusal(['failure', 'driver-failed'], error)
  }
}

type Text = (at: number) => string

function poolOf(text: Text): Pool {
  const account = { uid: 1000, name: text(0) }
  const held = { owner: { account, shownName: text(1) }, startedAt: NOW - 60_000, note: text(2) }
  const process = { pid: 1, startTime: 1, bootId: text(0), pidNamespace: '1' }
  return {
    host: text(3),
    provider: 'fake',
    units: [0, 1, 2, 3, 4].map((at) => ({
      id: gpuUnit(at),
      device: { uuid: text(at), name: text(at) },
      shape: { kind: 'gpu' },
    })),
    reservations: [
      {
        ...{ ...held, id: 'a', holdings: wholeUnits(['0']) },
        term: { kind: 'run', process, heartbeatAt: NOW, command: text(5) },
      },
      {
        ...{ ...held, id: 'b', holdings: wholeUnits(['1']), note: text(0) },
        term: { kind: 'manual', expiresAt: NOW + 60_000 },
      },
    ],
    queue: ['c', 'd'].map((id) => ({
      id,
      owner: { account: { uid: 7, name: text(1) }, shownName: text(0) },
      request: { kind: 'count', count: 5 },
      term: { kind: 'run' },
      process,
      joinedAt: NOW,
      heartbeatAt: NOW,
      note: text(2),
    })),
    policy: { allocation: 'lru' },
    writtenAt: { wall: NOW, steady: { epoch: 'x', ms: 1 } },
  }
}

function uses(text: Text): readonly GpuUse[] {
  const process = (pid: number) => ({
    pid,
    uid: 1,
    user: text(pid),
    name: text(pid + 1),
    command: text(pid + 2),
  })
  return [
    { kind: 'measured', memoryUsedMb: 70_000, processes: [process(1), process(2)] },
    { kind: 'fault', reason: text(3) },
    { kind: 'measured', memoryUsedMb: 70_000, processes: [0, 1, 2, 3, 4, 5, 6].map(process) },
    { kind: 'fault', reason: text(4) },
    { kind: 'measured', memoryUsedMb: 0, processes: [] },
  ]
}
