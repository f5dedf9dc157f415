import { afterAll, beforeAll, expect, test } from 'bun:test'
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { refuseForeignSocket } from '../../../src/adapters/daemon/foreign-socket.ts'
import { prepareSocketFolder, removeSocket } from '../../../src/adapters/daemon/socket-path.ts'
import { needing } from '../../support/needs.ts'

const OTHER_UID = 54_321

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'chg-socket-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** A new folder with this mode, which belongs to the account. */
function made(name: string, mode: number, uid = process.geteuid?.() ?? 0): string {
  const path = `${folder}/${name}`
  mkdirSync(path)
  chmodSync(path, mode)
  chownSync(path, uid, process.getegid?.() ?? 0)
  return path
}

test('a daemon removes nothing but a socket', () => {
  const file = `${folder}/thesis.txt`
  writeFileSync(file, 'text')
  expect(() => removeSocket(file)).toThrow('is not a socket')
  expect(readFileSync(file, 'utf8')).toBe('text')

  const socket = `${folder}/left.sock`
  // A killed daemon leaves its socket.
  Bun.spawnSync([
    process.execPath,
    '-e',
    `Bun.listen({ unix: '${socket}', socket: { data() {} } }); process.kill(process.pid, 9)`,
  ])
  expect(statSync(socket).isSocket()).toBe(true)
  removeSocket(socket)
  expect(() => statSync(socket)).toThrow('ENOENT')
  removeSocket(socket)
})

test('a daemon creates the folder of its socket for all accounts, whatever the umask', () => {
  const umask = process.umask(0o077)
  try {
    prepareSocketFolder(`${folder}/run/daemon.sock`)
  } finally {
    process.umask(umask)
  }
  expect(statSync(`${folder}/run`).mode & 0o777).toBe(0o755)
})

test('a daemon refuses a folder in which other accounts could replace its socket', () => {
  expect(() => prepareSocketFolder(`${made('open', 0o777)}/daemon.sock`)).toThrow('could replace')
  prepareSocketFolder(`${made('sticky', 0o1777)}/daemon.sock`)
  prepareSocketFolder(`${made('private', 0o700)}/daemon.sock`)
})

needing('root').test('root uses no socket that another account controls', () => {
  const theirs = made('theirs', 0o755, OTHER_UID)
  const shared = made('shared', 0o1777)
  writeFileSync(`${shared}/theirs.sock`, '')
  chownSync(`${shared}/theirs.sock`, OTHER_UID, OTHER_UID)
  symlinkSync('/run/canhazgpu', `${shared}/link`)
  lchownSync(`${shared}/link`, OTHER_UID, OTHER_UID)
  for (const path of [`${theirs}/daemon.sock`, `${shared}/theirs.sock`, `${shared}/link/daemon.sock`]) {
    expect(() => refuseForeignSocket(path)).toThrow('another account controls')
  }
  expect(() => prepareSocketFolder(`${theirs}/daemon.sock`)).toThrow('could replace')
  refuseForeignSocket(`${shared}/absent.sock`)
  refuseForeignSocket('/run/canhazgpu/daemon.sock')
})
