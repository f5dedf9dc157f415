import type { ByteText } from '../kernel/libc/memory.ts'
import { realPath, statfsInto } from '../kernel/libc/paths.ts'
import { readText } from '../kernel/procfs.ts'
import { fromByteText } from '../process/environment.ts'

/** `f_type` of statfs(2), from linux/magic.h and the sources of the file systems. */
const NETWORK_TYPES: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
  [0x517b, 'SMB'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
  [0x00c36400, 'Ceph'],
  [0x19830326, 'BeeGFS'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x73757245, 'Coda'],
  [0x01021997, '9p'],
  [0xaad7aaea, 'PanFS'],
  [0x20030528, 'OrangeFS'],
  [0x7461636f, 'OCFS2'],
  [0x01161970, 'GFS2'],
])

/** Local (ntfs-3g, overlays) and remote file systems share this type. Only the mount table distinguishes them. */
const FUSE = 0x65735546
const NETWORK_FUSE =
  /^(virtiofs|fuse\.(sshfs|glusterfs|ceph|ceph-fuse|rclone|s3fs|goofys|mount-s3|gcsfuse|blobfuse2?|juicefs|JuiceFS|mfs|moosefs|lizardfs|beegfs|davfs|curlftpfs|afpfs|weka.*|alluxio.*))$/

/**
 * The name of the network file system that holds the path, or would hold it once created; null for a local one.
 * SQLite's WAL needs memory shared by all its users, which network file systems do not provide (sqlite.org/wal.html).
 */
export function networkFilesystem(path: string): string | null {
  const existing = nearestExisting(path)
  const buffer = new Uint8Array(256)
  if (statfsInto(existing, buffer) < 0) return null
  const type = new DataView(buffer.buffer).getUint32(0, true)
  if (type !== FUSE) return NETWORK_TYPES.get(type) ?? null
  const name = mountType(existing, readText('/proc/self/mountinfo') ?? '')
  return name !== null && NETWORK_FUSE.test(name) ? name.replace('fuse.', '') : null
}

/**
 * The type of the mount that holds the path. This is the mount with the longest mount point above the path; of several
 * at the same point it is the last, which hides the others. In proc_pid_mountinfo(5), space, tab, newline and backslash
 * are written in octal.
 */
export function mountType(path: string, mountinfo: ByteText): string | null {
  let longest = { point: '', type: null as string | null }
  for (const line of fromByteText(mountinfo).split('\n')) {
    const [mount = '', source = ''] = line.split(' - ')
    const point = (mount.split(' ')[4] ?? '').replace(/\\([0-3][0-7]{2})/g, (_, octal) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    )
    const holds = path === point || path.startsWith(point.endsWith('/') ? point : `${point}/`)
    if (point && holds && point.length >= longest.point.length)
      longest = { point, type: source.split(' ')[0] ?? null }
  }
  return longest.type
}

function nearestExisting(path: string): string {
  const real = realPath(path)
  if (real !== null) return real
  const slash = path.replace(/\/+$/, '').lastIndexOf('/')
  if (slash < 0) return realPath('.') ?? '/'
  return slash === 0 ? '/' : nearestExisting(path.slice(0, slash))
}
