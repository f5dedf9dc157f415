import { expect, test } from 'bun:test'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Chance } from '../../../../simulation/chance.ts'
import { checkup } from '../../../support/checkup.ts'
import { withDatabase, writeHistory } from '../../../support/database.ts'
import { onlyFailureOf, withJson } from '../../../support/failure.ts'
import { type Finished, type TestPool, testPool } from '../../../support/pool.ts'
import { recordOf } from '../counting.ts'

const COMMANDS = [
  ['status'],
  ['queue'],
  ['report'],
  ['reserve', '--gpus', '1'],
  ['run', '--', 'true'],
  ['release'],
]
const RESERVE = ['reserve', '--gpus', '1']
const PAGE = 4096

/** A pool of four GPUs, the last one free, with a history on several pages. All of it is in the database file. */
async function usedPool(): Promise<TestPool> {
  const pool = await testPool(4)
  await pool.chg('reserve', '--gpus', '3', '--note', 'x'.repeat(200))
  writeHistory(
    pool,
    Array.from({ length: 150 }, (_, nth) =>
      recordOf(`old-${nth}`, {
        startedAt: Date.now() - 9_000 * nth - 5_000,
        endedAt: Date.now() - 9_000 * nth,
      }),
    ),
  )
  withDatabase(pool, (db) => db.run('PRAGMA wal_checkpoint(TRUNCATE)'))
  return pool
}

/** Either the command grants only the free GPU, or it prints one error line. */
function expectHarmless(
  command: readonly string[],
  { status, stdout, stderr }: Finished,
  what: string,
): void {
  const outcome = `${command.join(' ')} with ${what}: ${status}\n${stdout}${stderr}`
  if (command[0] === 'reserve' && status === 0) expect(stdout, outcome).toStartWith('Reserved 1 GPU(s): [3]')
  else if (command[0] === 'run' && status === 0) expect(stderr, outcome).toStartWith('Reserved 1 GPU(s): [3]')
  else if (status !== 0) {
    expect(stderr, outcome).toMatch(/^Error: [^\n]+\n$/)
    expect(stderr, outcome).not.toMatch(/internal|\.ts:|Error: .*Error:/)
    expect([command[0] === 'run' ? 125 : 1, 75], outcome).toContain(Number(status))
  } else expect(stderr, outcome).toBe('')
}

/** Kinds of damage to a page. */
function damagesOfPage(chance: Chance): [string, (page: Uint8Array) => unknown][] {
  return [
    ['zeros', (page) => page.fill(0)],
    ['a pattern', (page) => page.fill(0x5a)],
    ['a few flipped bits', (page) => flip(page, 12, chance)],
    ['a flipped bit in its head', (page) => flip(page.subarray(0, 24), 1, chance)],
    ['a flipped bit in its text', (page) => flip(page.subarray(PAGE / 2), 1, chance)],
  ]
}

test('with any damage to any page a command grants only the free GPU or prints one error line', async () => {
  using pool = await usedPool()
  const sound = readFileSync(pool.database)
  const chance = new Chance(7)
  const pages = sound.length / PAGE
  expect(pages).toBeGreaterThan(6)
  for (let page = 0; page < pages; page++) {
    for (const [what, damage] of damagesOfPage(chance)) {
      for (const command of [RESERVE, chance.pick(COMMANDS)]) {
        const bytes = Buffer.from(sound)
        damage(bytes.subarray(page * PAGE, (page + 1) * PAGE))
        writeFiles(pool, bytes)
        expectHarmless(command, await pool.chg(...command), `${what} in page ${page + 1}`)
      }
    }
  }
})

test('an administrator can create a new pool whichever page is damaged', async () => {
  using pool = await usedPool()
  const sound = readFileSync(pool.database)
  const chance = new Chance(5)
  for (let page = 0; page < sound.length / PAGE; page++) {
    const [what, damage] = chance.pick(damagesOfPage(chance))
    const bytes = Buffer.from(sound)
    damage(bytes.subarray(page * PAGE, (page + 1) * PAGE))
    writeFiles(pool, bytes)
    const forced = await pool.chg('admin', '--gpus', '2', '--force', '--provider', 'fake', '--json')
    const outcome = `${what} in page ${page + 1}: ${forced.stderr}`
    expect(forced, outcome).toMatchObject({ status: 0, stderr: '' })
    const { result, gpus, damaged } = JSON.parse(forced.stdout)
    expect({ result, gpus }, outcome).toEqual({
      result: expect.stringMatching(/^(re)?initialized$/),
      gpus: 2,
    })
    expect(damaged === undefined || existsSync(damaged.kept_as), outcome).toBe(true)
    expect(await checkup(pool), outcome).toMatchObject({ sound: true, gpus: 2, reservations: 0 })
  }
})

test('commands grant nothing from a valid pool that differs from the written one', async () => {
  using pool = await usedPool()
  const bytes = readFileSync(pool.database)
  const at = bytes.indexOf('{"unit":"2"')
  expect(at).toBeGreaterThan(0)
  bytes.write('{"unit":"3"', at)
  writeFiles(pool, bytes)
  for (const command of COMMANDS) {
    expect(onlyFailureOf(await pool.chg(...withJson(command)))).toMatchObject({
      code: 'store-corrupt',
      message: expect.stringContaining('checksum'),
      hint: expect.stringContaining('--check'),
      status: command[0] === 'run' ? 125 : 1,
    })
  }
})

test('with a file truncated at any length a command grants only the free GPU or prints one error line', async () => {
  using pool = await usedPool()
  const sound = readFileSync(pool.database)
  const chance = new Chance(3)
  for (let size = 1; size < sound.length; size += 2_500) {
    for (const command of [RESERVE, chance.pick(COMMANDS)]) {
      writeFiles(pool, sound.subarray(0, size))
      expectHarmless(command, await pool.chg(...command), `only ${size} bytes`)
    }
  }
})

test('with a damaged or truncated log a command grants only the free GPU or prints one error line', async () => {
  using pool = await usedPool()
  const [sound, log] = await withLog(pool)
  const chance = new Chance(11)
  const damages: [string, (log: Buffer) => Uint8Array][] = [
    ['cut', (bytes) => bytes.subarray(0, chance.below(bytes.length))],
    ['with flipped bits', (bytes) => flip(bytes, 4, chance)],
    ['full of zeros', (bytes) => bytes.fill(0)],
    ['that is no log', (bytes) => bytes.fill(0x5a)],
  ]
  for (const [what, damage] of [...damages, ...damages]) {
    for (const command of [RESERVE, chance.pick(COMMANDS)]) {
      writeFiles(pool, sound, damage(Buffer.from(log)))
      expectHarmless(command, await pool.chg(...command), `a log ${what}`)
    }
  }
})

/** The database and its log as left by a process that was killed after some commits. */
async function withLog(pool: TestPool): Promise<[Buffer, Buffer]> {
  return withDatabase(pool, (db) => {
    db.run("UPDATE history SET note = 'changed since'")
    db.run('UPDATE pool SET turns = \'["nobody"]\'')
    return [readFileSync(pool.database), readFileSync(`${pool.database}-wal`)]
  })
}

function flip(bytes: Uint8Array, count: number, chance: Chance): Uint8Array {
  for (let nth = 0; nth < count; nth++) {
    const at = chance.below(bytes.length)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << chance.below(8))
  }
  return bytes
}

/** Writes the database and its log as after a restart of the machine: without shared memory. */
function writeFiles(pool: TestPool, database: Uint8Array, log?: Uint8Array): void {
  for (const ending of ['-wal', '-shm']) rmSync(pool.database + ending, { force: true })
  writeFileSync(pool.database, database)
  if (log !== undefined) writeFileSync(`${pool.database}-wal`, log)
}
