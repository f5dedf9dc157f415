import { expect, test } from 'bun:test'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { driverEnvironment } from '../../../src/adapters/process/driver-environment.ts'
import { needing } from '../../support/needs.ts'

test("the driver's programs get a search path, and nothing else of the caller", () => {
  const env = driverEnvironment({
    PATH: '/usr/bin',
    LD_PRELOAD: 'x.so',
    HOME: '/home/ann',
    BUN_OPTIONS: '--x',
  })
  expect(Object.keys(env)).toEqual(['PATH'])
  expect(env.PATH?.split(':')).toEqual([...new Set(env.PATH?.split(':'))])
  expect(env.PATH?.split(':')).toContain('/usr/sbin')
})

needing('root').test('as root, folders of other users are not searched', () => {
  const folder = mkdtempSync(join(tmpdir(), 'canhazgpu-path-'))
  const [own, open, foreign, link] = ['own', 'open', 'foreign', 'foreign/link'].map(
    (name) => `${folder}/${name}`,
  )
  if (own === undefined || open === undefined || foreign === undefined || link === undefined) return
  for (const each of [own, open, foreign]) mkdirSync(each)
  chmodSync(open, 0o777)
  chownSync(foreign, 12_345, 12_345)
  symlinkSync(own, link)
  const { PATH } = driverEnvironment({
    PATH: [own, open, foreign, link, '.', '', `${folder}/absent`].join(':'),
  })
  rmSync(folder, { recursive: true })
  expect(PATH?.split(':').filter((each) => each === '' || !/^\/(usr\/)?(local\/)?s?bin$/.test(each))).toEqual(
    [own],
  )
})
