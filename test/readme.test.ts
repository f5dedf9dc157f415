import { expect, test } from 'bun:test'
import { startForever } from './support/job.ts'
import { testPool } from './support/pool.ts'
import { root } from './support/sources.ts'

/** Replaces what differs from run to run: times, and the account after a shown name. */
const withoutTimes = (text: string): string =>
  text
    .replace(/\d+h \d+m \d+s/g, 'TIME')
    .replace(/(tomorrow )?\b\d\d:\d\d\b(?!:)/g, 'CLOCK')
    .replace(/(alice|carol) \([^)]+\)/g, '$1')

const readme = withoutTimes(await Bun.file(`${root}README.md`).text())

test('README.md shows what the program prints', async () => {
  using pool = await testPool(4)
  const bob = { pid: 12345, user: 'bob', uid: 1002, name: 'python3', memory_mb: 1536 }
  const own = { pid: 999_999, uid: process.getuid?.(), user: 'alice', name: 'python3', memory_mb: 8452 }
  pool.setFakeDriver({ gpus: { '0': { memory_used_mb: 45 }, '1': { processes: [bob] } } })
  const printed: string[] = []
  const show = async (...args: string[]) => {
    const { stdout, stderr } = await pool.chg(...args)
    printed.push(...`${stdout}${stderr}`.trimEnd().split('\n'))
  }
  await show('run', '--gpus', '1', '--', 'true')
  await pool.chg('reserve', '--gpu-ids', '3', '--user', 'carol', '--duration', '4h')
  await startForever(pool, '--gpu-ids', '2', '--user', 'alice')
  pool.setFakeDriver({
    gpus: { '0': { memory_used_mb: 45 }, '1': { processes: [bob] }, '2': { processes: [own] } },
  })
  await show('status')
  await show('run', '--gpus', '2', '--', 'true')
  const { stderr } = await pool.chg('run', '--gpus', '2', '--wait', '1s', '--', 'true')
  printed.push(stderr.replace(/^[\d-]+ [\d:]+ /, '').split('\n')[0] ?? '')
  // In the README another GPU is free first.
  const lines = printed.map(withoutTimes).map((line) => line.replace('[0] for command', '[2] for command'))
  expect(lines.filter((line) => !readme.includes(line))).toEqual([])
  expect(lines.length).toBe(7)
})
