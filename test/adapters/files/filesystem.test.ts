import { describe, expect, test } from 'bun:test'
import { mountType, networkFilesystem } from '../../../src/adapters/files/filesystem.ts'
import { needing } from '../../support/needs.ts'
import { temporaryFolder } from '../process/temporary-folder.ts'

test('a local directory is local, and so is a missing one in it', () => {
  using folder = temporaryFolder()
  expect(networkFilesystem(folder.path)).toBeNull()
  expect(networkFilesystem(folder.file('not/there/yet.db'))).toBeNull()
  expect(networkFilesystem('/proc/self')).toBeNull()
  expect(networkFilesystem('relative.db')).toBeNull()
})

needing('mounts').test('a file system in memory is local', () => {
  const code = `import { networkFilesystem } from '${import.meta.dir}/../../../src/adapters/files/filesystem.ts'
    console.log(networkFilesystem('/mnt/pool.db'))`
  const script = 'mount -t tmpfs none /mnt && "$0" -e "$1"'
  const ended = Bun.spawnSync(['unshare', '-m', 'sh', '-c', script, process.execPath, code])
  expect(ended.stdout.toString().trim()).toBe('null')
})

describe('the mount that holds a path', () => {
  const table = [
    '22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw',
    '30 22 0:40 / /home rw shared:2 - nfs4 server:/home rw',
    '31 30 0:41 / /home/al\\040ice/data rw - fuse.sshfs host: rw',
    '32 22 0:42 / /mnt rw - ext4 /dev/sdb rw',
    '33 22 0:43 / /mnt rw master:3 propagate_from:2 - virtiofs tag rw',
  ].join('\n')
  const cases: Record<string, string> = {
    '/var/lib': 'ext4',
    '/home': 'nfs4',
    '/homes/x': 'ext4',
    '/home/al ice/data/pool.db': 'fuse.sshfs',
    '/home/al ice/database': 'nfs4',
    '/mnt/pool': 'virtiofs',
  }
  for (const [path, type] of Object.entries(cases))
    test(path, () => expect(mountType(path, table)).toBe(type))
  test('a mount point that is not ASCII', () => {
    const bytes = Buffer.from(`${table}\n34 22 0:44 / /mnt/données rw - fuse.sshfs host: rw`).toString(
      'latin1',
    )
    expect(mountType('/mnt/données/pool.db', bytes)).toBe('fuse.sshfs')
  })
  test('no table', () => expect(mountType('/', '')).toBeNull())
})
