import { readQueuePart, readStatusPart, readUsagePart } from '../../src/views/fleet/read-parts.ts'
import { gpuLine, gpuRow } from '../../src/views/words/fleet/gpu-words.ts'
import { placeRow } from '../../src/views/words/fleet/place-words.ts'
import type { Parser } from '../parser.ts'
import { checkLine, verify } from '../soundness.ts'

const PLAIN = { color: false, columns: 80, terminal: false }
const TIME = '2026-11-27T11:00:00.000Z'

const GPU = {
  ...{
    gpu_id: 1,
    status: 'IN_USE',
    gpu_model: 'NVIDIA H200',
    user: 'ann',
    account: 'ben',
    type: 'RUN',
    note: 'x',
  },
  ...{
    duration_seconds: 3,
    expiry_time: TIME,
    drain: { by: 'root', since: TIME, reason: 'fan' },
    details: 'y',
  },
}
const PLACE = {
  ...{
    position: 1,
    user: 'ann',
    account: 'ann',
    type: 'MANUAL',
    request: '2 GPUs',
    gpus: 2,
    waiting_since: TIME,
  },
  ...{ waiting_seconds: 1, reason: '1 free', reason_code: 'short', earliest_start: TIME, note: 'n' },
}
const DAY = {
  date: '2026-11-27',
  users: [{ user: 'ann', account: 'ann', gpu_hours: 1.5, run: 2, manual: 0 }],
}

/** What other hosts wrote. */
export const snapshots: Parser = {
  name: 'snapshots',
  json: true,
  seeds: [
    JSON.stringify({
      version: 1,
      next_sign_seconds: 15,
      waiting: 2,
      gpus: [GPU, { ...GPU, status: 'ERROR' }],
    }),
    JSON.stringify({ version: 1, places: [PLACE], left_out: 3 }),
    JSON.stringify({ version: 1, days: [DAY] }),
  ],
  words: [
    '"version":1',
    '"gpus":',
    '[',
    ']',
    '{',
    '}',
    '"\\u001b[2J"',
    '"UNRESERVED"',
    '1e999',
    '-0',
    '\u202e',
  ],
  nesting: [
    ['[', ']'],
    ['{"gpus":', '}'],
  ],
  check(input) {
    const status = readStatusPart(input, Number.MAX_SAFE_INTEGER)
    for (const gpu of status?.gpus ?? []) {
      for (const text of [gpuLine(gpu, PLAIN), ...gpuRow(gpu, PLAIN)]) checkLine(text)
    }
    for (const place of readQueuePart(input)?.places ?? []) {
      for (const text of placeRow(place, Date.parse(TIME))) checkLine(text)
    }
    for (const { users } of readUsagePart(input)?.days ?? []) {
      for (const { gpu_hours } of users)
        verify(Number.isFinite(gpu_hours) && gpu_hours >= 0, `hours ${gpu_hours}`)
    }
  },
}
