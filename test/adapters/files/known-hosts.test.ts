import { expect, test } from 'bun:test'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { knownHosts } from '../../../src/adapters/files/known-hosts.ts'
import { hostName } from '../../ports/board-contract.ts'

const HOUR = 3_600_000
const gpu1 = hostName('gpu1')

function inHome(body: (home: string) => void): void {
  const home = mkdtempSync(`${tmpdir()}/known-hosts-`)
  try {
    body(home)
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

const at = (home: string, now: number, board = 'board:6379') =>
  knownHosts({ env: { HOME: home }, board, now: () => now })

test('it knows the hosts of each board, and the times since their last signs', () => {
  inHome((home) => {
    expect(at(home, 0)?.load()).toEqual(new Map())
    at(home, HOUR)?.save(new Map([[gpu1, 1_000]]))
    expect(at(home, 2 * HOUR)?.load()).toEqual(new Map([[gpu1, HOUR + 1_000]]))
    expect(at(home, 2 * HOUR, 'other:6379')?.load()).toEqual(new Map())
    // The clock was set back.
    expect(at(home, 0)?.load()).toEqual(new Map([[gpu1, 0]]))
  })
})

test('a damaged file, and a folder that cannot be used, know nothing and are no failure', () => {
  inHome((home) => {
    at(home, HOUR)?.save(new Map([[gpu1, 0]]))
    const folder = `${home}/.local/state/canhazgpu`
    const [file = ''] = readdirSync(folder)
    for (const text of ['{', 'null', '7', '{"-x":1,"gpu2":"now","gpu3":null}', 'x'.repeat(2_000_000)]) {
      writeFileSync(`${folder}/${file}`, text)
      expect(at(home, HOUR)?.load()).toEqual(new Map())
    }
    rmSync(folder, { recursive: true })
    mkdirSync(`${folder}/${file}`, { recursive: true })
    chmodSync(folder, 0o500)
    at(home, HOUR)?.save(new Map([[gpu1, 0]]))
    expect(at(home, HOUR)?.load()).toEqual(new Map())
    chmodSync(folder, 0o700)
  })
})

test('without a home folder of its own it is not there', () => {
  for (const home of ['', 'relative', '/nowhere/at/all']) expect(at(home, 0)).toBeNull()
  const other = process.geteuid?.() === 0 ? null : '/'
  if (other !== null) expect(at(other, 0)).toBeNull()
})
