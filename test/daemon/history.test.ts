import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { connectToDaemon } from '../../src/adapters/daemon/connect.ts'
import { daemonPool } from '../support/daemon.ts'

/** The sums of many days and a few names: a report over them takes long, and has few lines. */
function fillHistory(path: string, sums: number): void {
  const db = new Database(path)
  const lastDay = Math.floor(Date.now() / 86_400_000) - 1
  db.run(`
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${sums - 1})
    INSERT INTO usage_by_day
    SELECT ${lastDay} - i / 50, 'name' || (i % 50), 1000, 'ann', 'run', 60000, 1, (${lastDay} - i / 50) * 86400000 FROM n`)
  db.close()
}

async function greeted(path: string) {
  const connection = await connectToDaemon(path)
  connection.send('{"protocol":1}')
  await connection.receive()
  return connection
}

test('a request is answered before a long report that was asked for earlier', async () => {
  using pool = await daemonPool(1)
  fillHistory(pool.database, 150_000)
  const order: string[] = []
  const ask = async (what: string, request: object) => {
    const connection = await greeted(pool.socket)
    connection.send(JSON.stringify({ n: 1, ...request }))
    return {
      async answered() {
        const answer = await connection.receive()
        order.push(what)
        connection.close()
        return answer ?? ''
      },
    }
  }
  const report = await ask('report', { ask: 'usage', question: { kind: 'report', days: 3_650 } })
  const reported = report.answered()
  const caller = { threshold: null, probeTimeout: 10_000 }
  await (await ask('status', { ask: 'view', view: 'stored', caller })).answered()
  expect(JSON.parse(await reported).answer.total.runs).toBe(150_000)
  expect(order).toEqual(['status', 'report'])
})
