import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, expect } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Chance } from '../../../simulation/chance.ts'
import { currentMoment } from '../../../src/adapters/kernel/clock.ts'
import { createSqliteStore, openSqliteStore } from '../../../src/adapters/store/sqlite.ts'
import { CanhazgpuError } from '../../../src/domain/errors.ts'
import { poolFaults } from '../../../src/domain/pool/soundness.ts'
import { gpuNumber, unitsOf } from '../../../src/domain/pool/units.ts'
import { storedHistory, storedPool } from '../../support/database.ts'
import { missing, needing } from '../../support/needs.ts'
import { testPool } from '../../support/pool.ts'
import { COUNTING_POOL } from './counting.ts'
import { type Image, LossyDisk } from './lossy-disk.ts'
import { type DiskEvent, record } from './recording.ts'

/**
 * The number of disk states that are checked; `POWER_LOSS_IMAGES=all npm test --
 * test/adapters/store/power-loss.test.ts` checks every one.
 */
const WANTED = process.env.POWER_LOSS_IMAGES ?? '800'
/** The share of unsynced writes that survives; each is tried at every checked moment. */
const SURVIVING = [0, 0.5, 0.9]

/**
 * Several processes at once, a queue, an expiry, logs removed by the last process to close them, and at the end a log
 * that restarts because it grew long.
 */
const SCRIPT = `
"$CHG" admin --gpus 4 --provider fake --json
"$CHG" reserve --gpu-ids 0 --json
for gpu in 1 2 3; do
  "$CHG" run --gpu-ids $gpu -- sh -c 'echo "{\\"reservation\\": \\"$CANHAZGPU_RESERVATION\\", \\"gpus\\": [$CUDA_VISIBLE_DEVICES]}"' &
done
wait
"$CHG" reserve --wait --gpus 4 --json &
until "$CHG" queue --json | grep -q position; do :; done
"$CHG" release --json
wait
"$CHG" release --json
"$CHG" reserve --gpu-ids 3 --duration 0.1s --json
sleep 0.1
mkfifo hold
"$CHG" run --gpu-ids 3 -- sh -c 'echo held; read _ < hold' &
until "$CHG" status | grep -q 'GPU 3: IN USE by'; do :; done
"$CHG" reserve --gpus 2 --json
"$CHG" release --json
"$BUN" "$WORKER" announce "$CANHAZGPU_STORE" worker 200
"$CHG" reserve --gpus 2 --json
echo > hold
wait`

interface Promises {
  initialized: boolean
  /** Announced as granted, by reservation. */
  readonly granted: Map<string, readonly number[]>
  /** Announced as released. */
  readonly released: Set<string>
}

let events: readonly DiskEvent[] = []
const withStrace = needing('strace')
beforeAll(async () => {
  if (missing('strace') !== null) return
  using pool = await testPool(0)
  pool.env.BUN = process.execPath
  pool.env.WORKER = new URL('worker.ts', import.meta.url).pathname
  events = await record(pool, SCRIPT)
}, 60_000)

const room = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'canhazgpu-power-'))
afterAll(() => rmSync(room, { recursive: true }))

withStrace.test('the recorded script covers the intended events', () => {
  const words = events.flatMap((event) => (event.kind === 'output' ? [event.words] : []))
  expect(words.filter((each) => each.includes('"reservation"')).length).toBeGreaterThan(40)
  const logs = events.flatMap((event) => {
    if (!('path' in event) || !event.path.endsWith('-wal')) return []
    if (event.kind === 'truncate') return ['cut off']
    return event.kind === 'write' && event.offset === 0 ? ['started'] : []
  })
  expect(logs.filter((each) => each === 'cut off').length).toBeGreaterThan(5)
  expect(logs.some((each, at) => each === 'started' && logs[at - 1] === 'started')).toBe(true)
})

withStrace.test(
  'whenever the power fails, the pool opens, is sound, and has every grant that was announced',
  async () => {
    expect(await lossesOf({ ignoresSyncs: false, wanted: WANTED })).toEqual([])
  },
  600_000,
)

withStrace.test('a disk that does not sync is detected', async () => {
  expect((await lossesOf({ ignoresSyncs: true, wanted: '200' })).length).toBeGreaterThan(10)
})

/** Losses and damage on the disks that a power failure may have left. */
async function lossesOf(options: { ignoresSyncs: boolean; wanted: string }): Promise<string[]> {
  const disk = new LossyDisk(options)
  const promises: Promises = { initialized: false, granted: new Map(), released: new Set() }
  const chance = new Chance(1)
  const moments = options.wanted === 'all' ? events.length : Number(options.wanted) / (SURVIVING.length + 1)
  const losses: string[] = []
  for (const [at, event] of events.entries()) {
    disk.take(event)
    if (event.kind === 'output') hear(event.words, promises)
    if (event.kind !== 'output' && !chance.is(moments / events.length)) continue
    const images = [disk.whole(), ...SURVIVING.map((share) => disk.afterPowerLoss(chance, share))]
    for (const [nth, image] of images.entries()) {
      for (const loss of await lossesIn(image, promises))
        losses.push(`after event ${at}, disk ${nth}: ${loss}`)
    }
  }
  return losses
}

/** Keeps the output of the commands. */
function hear(words: string, promises: Promises): void {
  if (!words.startsWith('{')) return
  const printed: { result?: string; reservation?: string; gpus?: number[]; released?: number[] } =
    JSON.parse(words)
  if (printed.result === 'initialized') promises.initialized = true
  if (printed.reservation !== undefined && Array.isArray(printed.gpus)) {
    promises.granted.set(printed.reservation, printed.gpus)
  }
  for (const [id, gpus] of printed.released === undefined ? [] : promises.granted) {
    if (gpus.every((gpu) => printed.released?.includes(gpu))) promises.released.add(id)
  }
}

async function lossesIn(image: Image, promises: Promises): Promise<string[]> {
  const folder = mkdtempSync(`${room}/`)
  try {
    const database = lay(image, folder)
    try {
      ;(await openSqliteStore({ path: database, now: currentMoment })).close()
      return compare(database, promises)
    } catch (error) {
      const isMissing = error instanceof CanhazgpuError && error.code === 'pool-not-initialized'
      if (!isMissing || promises.initialized) return [`${error}`]
      return await setUpAnew(database)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Writes the files of a disk; returns the path of the database. */
function lay(image: Image, folder: string): string {
  for (const [path, content] of image) {
    const place = join(folder, path)
    mkdirSync(dirname(place), { recursive: true })
    writeFileSync(place, content)
  }
  const database = events
    .flatMap((event) => (event.kind === 'appear' && event.path.endsWith('/pool.db') ? [event.path] : []))
    // It was created in another folder first.
    .at(-1)
  return join(folder, database ?? '')
}

/** Repeats a setup that the power failure interrupted. */
async function setUpAnew(path: string): Promise<string[]> {
  const store = await createSqliteStore({ path, now: currentMoment }, { kind: 'everyone' })
  await store.update({ create: () => ({ pool: COUNTING_POOL, records: [], wake: [], answer: undefined }) })
  store.close()
  return []
}

function compare(database: string, { granted, released, initialized }: Promises): string[] {
  const db = new Database(database)
  const checked = db.query<{ integrity_check: string }, []>('PRAGMA integrity_check').all()
  const hasPool = (db.query<{ n: number }, []>('SELECT count(*) AS n FROM pool').get()?.n ?? 0) > 0
  db.close()
  const broken = checked.map((row) => row.integrity_check).filter((each) => each !== 'ok')
  if (!hasPool) return initialized ? [...broken, 'the pool is gone'] : broken
  const pool = storedPool({ database })
  const ended = storedHistory({ database })
  const held = new Map(pool.reservations.map((each) => [each.id, unitsOf(each).map(gpuNumber)]))
  const lost = [...granted].filter(([id, gpus]) => {
    const has = held.get(id) ?? ended.filter((row) => row.reservation === id).map((row) => row.gpu)
    return !Bun.deepEquals([...has].toSorted(), [...gpus].toSorted())
  })
  return [
    ...broken,
    ...poolFaults(pool),
    ...lost.map(([id]) => `the grant ${id} is lost`),
    ...[...released].filter((id) => held.has(id)).map((id) => `${id} was given back and is held again`),
  ]
}
