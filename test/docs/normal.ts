import { hostname } from 'node:os'
import type { TestPool } from '../support/pool.ts'
import { ownName } from '../support/unix-users.ts'

const account = ownName()
const host = new RegExp(`\\b${hostname()}\\b`, 'g')

/** Text without what differs from machine to machine and from run to run. */
export function normal(text: string, pool: TestPool): string {
  return (
    text
      .replaceAll(pool.database, '/var/lib/canhazgpu/pool.db')
      .replaceAll(host, 'gpu-box')
      .replaceAll(pool.folder, '/tmp')
      .replaceAll('/home/ann', '/tmp')
      // The tests are one account, which shows the names of the page.
      .replaceAll(` (${account})`, '')
      .replaceAll(/\b\d+h \d+m \d+s/g, 'TIME')
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'NOW')
      .replaceAll(
        /((Mon|Tue|Wed|Thu|Fri|Sat|Sun) )?\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)?)?( [+-]\d\d:\d\d)?/g,
        'DATE',
      )
      .replaceAll(/(tomorrow )?\b\d\d:\d\d\b(?!:)/g, 'CLOCK')
      .replaceAll(/\b[0-9a-f]{12}\b/g, 'ID')
      .replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT')
      .replaceAll(/ +/g, ' ')
      .replaceAll(/ $/gm, '')
  )
}
