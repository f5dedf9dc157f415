import { expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { currentProcess } from '../../src/adapters/kernel/processes.ts'
import type { Pool, QueueEntry, Reservation } from '../../src/domain/pool/model.ts'
import { wholeUnits } from '../../src/domain/pool/units.ts'
import { changeStoredPool, withDatabase, writeHistory } from '../support/database.ts'
import { type TestPool, testPool } from '../support/pool.ts'
import { openTerminal } from '../support/terminal.ts'
import { HOSTILE_ARGUMENTS, HOSTILE_MIXTURES, runChecked } from './screen.ts'

const DAY_MS = 86_400_000

/** Writes the text to every place of the pool that other users can write. */
function writeEverywhere(pool: TestPool, text: string): void {
  const account = { uid: 4242, name: `account${text}` }
  const owner = { account, shownName: `user${text}` }
  const process = currentProcess()
  changeStoredPool(pool, (stored: Pool): Pool => {
    const startedAt = stored.writtenAt.wall
    const held = { owner, startedAt, note: `note${text}` }
    const run: Reservation = {
      ...{ ...held, id: `r${text}`, holdings: wholeUnits(['0']) },
      term: { kind: 'run', process, heartbeatAt: startedAt, command: `serve --model=${text}model` },
    }
    const manual: Reservation = {
      ...{ ...held, id: `m${text}`, holdings: wholeUnits(['1']) },
      term: { kind: 'manual', expiresAt: startedAt + DAY_MS },
    }
    const entry: QueueEntry = {
      ...{ id: `q${text}`, owner, term: { kind: 'run' }, process, joinedAt: startedAt },
      ...{ heartbeatAt: startedAt, request: { kind: 'count', count: 4 }, note: held.note },
    }
    return {
      ...stored,
      host: text,
      units: stored.units.map((unit) => ({ ...unit, device: { ...unit.device, name: `GPU ${text}` } })),
      reservations: [run, manual],
      queue: [entry],
    }
  })
  withDatabase(pool, (db) => db.run('DELETE FROM history'))
  const ended = Date.now() - 1_000
  writeHistory(pool, [
    {
      ...{ host: text, reservation: `h${text}`, unit: '0', owner, term: 'run' },
      ...{ startedAt: ended - 60_000, endedAt: ended, outcome: 'exited', note: text },
    },
  ])
  const processes = [{ pid: 4_194_303, user: `u${text}`, name: `p${text}`, command: `vllm serve ${text}m` }]
  pool.setFakeDriver({
    gpus: {
      '0': { memory_used_mb: 9000, processes },
      '2': { memory_used_mb: 9000, name: `G${text}`, processes },
      '3': { fault: `fault${text}` },
    },
  })
}

test('texts of other users neither move the cursor nor hide text nor start a line', async () => {
  using pool = await testPool(4)
  for (const text of HOSTILE_MIXTURES) {
    writeEverywhere(pool, text)
    const lines = (await runChecked(pool, 'status')).stdout.split('\n')
    expect(lines.map((line) => line.slice(0, 7))).toEqual(['GPU 0: ', 'GPU 1: ', 'GPU 2: ', 'GPU 3: ', ''])
    const table = await runChecked(pool, 'status', '--table')
    expect(table.stdout.split('\n')).toHaveLength(6)
    const [first, second, third, fourth] = JSON.parse((await runChecked(pool, 'status', '--json')).stdout)
    expect([first.user, second.note]).toEqual([`user${text}`, `note${text}`])
    expect([third.status, fourth.status]).toEqual(['UNRESERVED', 'ERROR'])
    expect((await runChecked(pool, 'queue')).stdout.split('\n')).toHaveLength(3)
    JSON.parse((await runChecked(pool, 'queue', '--json')).stdout)
    expect((await runChecked(pool, 'report')).stdout).toContain('Unique users: ')
    JSON.parse((await runChecked(pool, 'report', '--json')).stdout)
    const refused = await runChecked(pool, 'reserve', '--gpus', '4')
    expect(refused.stderr).toMatch(/^Error: [^\n]+\n$/)
  }
})

test('waiters print texts of other users safely', async () => {
  using pool = await testPool(4)
  writeEverywhere(pool, '\u001b[31m\u009b31m\u202e\r\n\u200b')
  for (const form of [[], ['--json']]) {
    const waited = await runChecked(pool, 'reserve', '--gpus', '3', '--wait', '1s', ...form)
    expect(waited.stderr).toMatch(/aiting/)
    expect(waited.status).toBe(75)
  }
})

test('the error of a driver is quoted safely', async () => {
  using pool = await testPool(1)
  for (const text of HOSTILE_MIXTURES) {
    pool.setFakeDriver({ fail: `broken${text}` })
    const failed = await runChecked(pool, 'status')
    expect(failed.stdout.split('\n')).toHaveLength(2)
    expect(failed.stderr).toMatch(/^Error: [^\n]*broken[^\n]*\n$/)
    JSON.parse((await runChecked(pool, 'status', '--json')).stderr)
  }
})

const QUOTING: readonly ((text: string) => readonly string[])[] = [
  (text) => [text],
  (text) => [`--${text}`],
  (text) => ['status', `-${text}`],
  (text) => ['status', text],
  (text) => ['status', '--store', text],
  (text) => ['status', '--store', `sqlite:///nowhere/${text}/pool.db`],
  (text) => ['status', '--config', `/nowhere/${text}.yaml`],
  (text) => ['status', '--memory-threshold', text],
  (text) => ['status', '--probe-timeout', text],
  (text) => ['reserve', '--gpus', text],
  (text) => ['reserve', '--gpu-ids', text],
  (text) => ['reserve', '--duration', text],
  (text) => ['reserve', '--note', text, '--user', text, '--nonblock'],
  (text) => ['report', '--days', text],
  (text) => ['extend', text],
  (text) => ['completion', text],
  (text) => ['admin', '--gpus', '1', '--force', '--provider', `x${text}`],
  (text) => ['admin', '--gpus', '1', '--force', '--group', `x${text}`],
  (text) => ['run', '--', `/nowhere/${text}`],
  (text) => ['run', '--', `nowhere${text}`],
  (text) => ['web', '--port', '0', '--host', `nowhere.${text}.invalid`],
  (text) => ['__complete', 'status', text],
  (text) => ['__complete', 'reserve', '--gpu-ids', `${text},`],
]

test('a refused argument is quoted safely', async () => {
  using pool = await testPool(1)
  for (const text of HOSTILE_ARGUMENTS) {
    const asked = QUOTING.flatMap((typed) => [typed(text), ['--json', ...typed(text)]])
    // Runs them concurrently, because most of the time goes into starting them.
    await Promise.all(asked.map((typed) => runChecked(pool, ...typed)))
  }
})

test('refused files and variables are quoted safely', async () => {
  using pool = await testPool(1)
  const path = `${pool.folder}/config`
  for (const text of HOSTILE_MIXTURES) {
    for (const [ending, contents] of [
      ['json', JSON.stringify({ [`x${text}`]: 1 })],
      ['json', JSON.stringify({ 'memory-threshold': text })],
      ['json', `{"a": ${text}`],
      ['yaml', `memory-threshold: [${text}`],
      ['yaml', `x${text}: 1`],
      ['toml', `x${text} = ${text}`],
    ] as const) {
      writeFileSync(`${path}.${ending}`, contents)
      await runChecked(pool, 'status', '--config', `${path}.${ending}`)
    }
  }
  for (const text of HOSTILE_ARGUMENTS) {
    pool.env.CANHAZGPU_MEMORY_THRESHOLD = `x${text}`
    expect((await runChecked(pool, 'status')).status).toBe(1)
  }
})

test('a terminal gets no escapes but our own colours', async () => {
  using pool = await testPool(4)
  writeEverywhere(pool, '\u001b]0;title\u0007\u001b[2J\u009b1m\u202e')
  using terminal = openTerminal(pool, [pool.env.CHG ?? '', 'status'])
  await terminal.see('GPU 3: ')
  await terminal.process.exited
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the test searches for them
  const rest = terminal.shown.replace(/\u001b\[(0|3\d)m|\r\n/g, '')
  expect(rest).not.toMatch(/[\p{Cc}\p{Cf}]/u)
})
