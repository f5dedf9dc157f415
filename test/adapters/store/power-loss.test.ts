import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, expect } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Chance } from '../../../simulation/chance.ts'
import { currentMoment } from '../../../src/adapters/kernel/clock.ts'
import { readableAudit } from '../../../src/adapters/store/history/audit-rows.ts'
import { createSqliteStore, openSqliteStore } from '../../../src/adapters/store/sqlite.ts'
import { CanhazgpuError } from '../../../src/domain/errors.ts'
import { poolFaults } from '../../../src/domain/pool/soundness.ts'
import { gpuNumber, unitsOf } from '../../../src/domain/pool/units.ts'
import { storedHistory, storedPool } from '../../support/database.ts'
import { missing, needing } from '../../support/needs.ts'
import { testPool } from '../../support/pool.ts'
import { administered, replayed } from '../../support/replayed-audit.ts'
import { COUNTING_POOL } from './counting.ts'
import { type Image, LossyDisk } from './lossy-disk.ts'
import { type DiskEvent, record } from './recording.ts'

/**
 * The number of disk states that are checked. `POWER_LOSS_IMAGES=all npm test --
 * test/adapters/store/power-loss.test.ts` checks all of them.
 */
const WANTED = process.env.POWER_LOSS_IMAGES ?? '800'
/** Shares of unsynced writes that survive. Each is tried at every checked moment. */
const SURVIVING = [0, 0.5, 0.9]

/**
 * Several processes at once, a queue, an expiry, and logs that the last process truncates. At the end a log starts
 * again from its beginning because it is long.
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
for gpu in 1 2 3; do
  "$CHG" policy set max-gpus $((4 + gpu)) --json
  "$CHG" drain $gpu --json
done
"$CHG" restore 1-3 --json
"$BUN" "$WORKER" announce "$CANHAZGPU_STORE" worker 200
"$CHG" reserve --gpus 2 --json
echo > hold
wait`

/** What the commands printed: the pool must have it after a power failure. */
interface Announced {
  initialized: boolean
  /** The GPUs of each reservation. */
  readonly granted: Map<string, readonly number[]>
  /** The ids of released reservations. */
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
  const printed = events.flatMap((event) => (event.kind === 'output' ? [event.text] : []))
  expect(printed.filter((each) => each.includes('"reservation"')).length).toBeGreaterThan(40)
  const logs = events.flatMap((event) => {
    if (!('path' in event) || !event.path.endsWith('-wal')) return []
    if (event.kind === 'truncate') return ['cut off']
    return event.kind === 'write' && event.offset === 0 ? ['started'] : []
  })
  expect(logs.filter((each) => each === 'cut off').length).toBeGreaterThan(5)
  expect(logs.some((each, at) => each === 'started' && logs[at - 1] === 'started')).toBe(true)
})

withStrace.test(
  'after a power failure at any time the pool opens, is sound, and has every grant that was announced',
  async () => {
    expect(await lossesOf({ ignoresSyncs: false, wanted: WANTED })).toEqual([])
  },
  600_000,
)

withStrace.test('the losses on a disk that does not sync are detected', async () => {
  expect((await lossesOf({ ignoresSyncs: true, wanted: '200' })).length).toBeGreaterThan(10)
})

/** Losses and damage on the disks that a power failure may have left. */
async function lossesOf(options: { ignoresSyncs: boolean; wanted: string }): Promise<string[]> {
  const disk = new LossyDisk(options)
  const announced: Announced = { initialized: false, granted: new Map(), released: new Set() }
  const chance = new Chance(1)
  const moments = options.wanted === 'all' ? events.length : Number(options.wanted) / (SURVIVING.length + 1)
  const losses: string[] = []
  for (const [at, event] of events.entries()) {
    disk.take(event)
    if (event.kind === 'output') addAnnounced(event.text, announced)
    if (event.kind !== 'output' && !chance.is(moments / events.length)) continue
    const images = [disk.whole(), ...SURVIVING.map((share) => disk.afterPowerLoss(chance, share))]
    for (const [nth, image] of images.entries()) {
      for (const loss of await lossesIn(image, announced))
        losses.push(`after event ${at}, disk ${nth}: ${loss}`)
    }
  }
  return losses
}

/** Adds what a command printed. */
function addAnnounced(text: string, announced: Announced): void {
  if (!text.startsWith('{')) return
  const printed: { result?: string; reservation?: string; gpus?: number[]; released?: number[] } =
    JSON.parse(text)
  if (printed.result === 'initialized') announced.initialized = true
  if (printed.reservation !== undefined && Array.isArray(printed.gpus)) {
    announced.granted.set(printed.reservation, printed.gpus)
  }
  for (const [id, gpus] of printed.released === undefined ? [] : announced.granted) {
    if (gpus.every((gpu) => printed.released?.includes(gpu))) announced.released.add(id)
  }
}

async function lossesIn(image: Image, announced: Announced): Promise<string[]> {
  const folder = mkdtempSync(`${room}/`)
  try {
    const database = writeImage(image, folder)
    try {
      ;(await openSqliteStore({ path: database, now: currentMoment })).close()
      return compare(database, announced)
    } catch (error) {
      const isMissing = error instanceof CanhazgpuError && error.code === 'pool-not-initialized'
      if (!isMissing || announced.initialized) return [`${error}`]
      return await setUpAgain(database)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Writes the files of a disk. Returns the path of the database. */
function writeImage(image: Image, folder: string): string {
  for (const [path, content] of image) {
    const place = join(folder, path)
    mkdirSync(dirname(place), { recursive: true })
    writeFileSync(place, content)
  }
  const database = events
    .flatMap((event) => (event.kind === 'appear' && event.path.endsWith('/pool.db') ? [event.path] : []))
    // The database is created in another folder first.
    .at(-1)
  return join(folder, database ?? '')
}

/** Repeats a setup that the power failure interrupted. */
async function setUpAgain(path: string): Promise<string[]> {
  const store = await createSqliteStore({ path, now: currentMoment }, { kind: 'everyone' })
  await store.update({ create: () => ({ pool: COUNTING_POOL, records: [], wake: [], answer: undefined }) })
  store.close()
  return []
}

function compare(database: string, { granted, released, initialized }: Announced): string[] {
  const db = new Database(database)
  const checked = db.query<{ integrity_check: string }, []>('PRAGMA integrity_check').all()
  const audit = readableAudit(db)
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
    ...(Bun.deepEquals(replayed(audit), administered(pool)) ? [] : ['a change differs from its record']),
    ...lost.map(([id]) => `the grant ${id} is lost`),
    ...[...released].filter((id) => held.has(id)).map((id) => `${id} was released and is held again`),
  ]
}
