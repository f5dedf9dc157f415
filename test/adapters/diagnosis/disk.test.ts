import { expect, test } from 'bun:test'
import { mkdtempSync, rmdirSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { diskSpace } from '../../../src/adapters/diagnosis/disk.ts'
import { needing } from '../../support/needs.ts'

test('the file system of the first folder that exists', () => {
  const space = diskSpace(`${tmpdir()}/no/such/folder/pool.db`)
  const { bavail, bsize } = statfsSync(tmpdir())
  expect(space).toMatchObject({ path: tmpdir(), isReadOnly: false, network: null })
  const freeMb = 'freeMb' in space ? space.freeMb : Number.NaN
  expect(Math.abs(freeMb - (bavail * bsize) / 2 ** 20)).toBeLessThan(500)
})

needing('mounts').test('a small file system that is mounted read-only', () => {
  const folder = mkdtempSync(`${tmpdir()}/canhazgpu-disk-`)
  Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', 'ro,size=4m,nr_inodes=50', 'tmpfs', folder])
  try {
    expect(diskSpace(`${folder}/pool.db`)).toMatchObject({ path: folder, freeMb: 4, isReadOnly: true })
    expect(diskSpace(`${folder}/pool.db`)).toHaveProperty('freeFiles', 49)
  } finally {
    Bun.spawnSync(['umount', folder])
    rmdirSync(folder)
  }
})
