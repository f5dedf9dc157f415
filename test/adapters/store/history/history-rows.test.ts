import { expect, test } from 'bun:test'
import { type HistoryRow, recordOfRow } from '../../../../src/adapters/store/history/history-rows.ts'
import { historyDocument } from '../../../../src/views/documents/history-document.ts'

const ROW: HistoryRow = {
  ...{ reservation: 'a', gpu: 0, host: 'box', user: 'alice', uid: 1000, account: 'alice', kind: 'run' },
  ...{ started_at: 1_750_000_000_000, ended_at: 1_750_000_060_000, outcome: 'exited', note: null },
}

test('a row with times beyond the range of dates is shown like the others', () => {
  const rows = [ROW, { ...ROW, ended_at: 1_750_000_060_000_000_000 }, { ...ROW, started_at: -9e18 }]
  const { records } = historyDocument({ from: 0, to: 1 }, rows.map(recordOfRow))
  expect(records.map((record) => record.ended_at)).toEqual([
    '2025-06-15T15:07:40.000Z',
    '+275760-09-13T00:00:00.000Z',
    '2025-06-15T15:07:40.000Z',
  ])
})
