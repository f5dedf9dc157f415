import { readdirSync } from 'node:fs'
import type { DeviceNode, Devices, DriverVersions } from '../../domain/diagnosis/driver-rules.ts'
import { readLocal } from '../accounts/users.ts'
import { access, R_OK, realPath, statusOf, W_OK } from '../kernel/libc/paths.ts'
import { readText } from '../kernel/procfs.ts'

/** Where the packages of the distributions put the library of the NVIDIA driver. */
const LIBRARY_FOLDERS = [
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
  '/usr/lib64',
  '/usr/lib',
  '/lib64',
]

// `root` is a folder in place of `/`, for tests.

/** The versions of the loaded kernel modules and of the library. Runs nothing. */
export function driverVersions(root = ''): DriverVersions {
  const nvidiaModule = /Kernel Module\b.*?\s(\d+\.[\d.]+)\s/.exec(
    readText(`${root}/proc/driver/nvidia/version`) ?? '',
  )?.[1]
  const libraries = LIBRARY_FOLDERS.map((folder) => realPath(`${root}${folder}/libnvidia-ml.so.1`))
  const nvidiaLibrary = libraries.map((path) => /\.so\.(\d+\.[\d.]+)$/.exec(path ?? '')?.[1]).find(Boolean)
  const amdModule = isLoaded(`${root}/sys/module/amdgpu`)
    ? (readText(`${root}/sys/module/amdgpu/version`)?.trim() ?? 'in the kernel')
    : undefined
  return {
    ...(nvidiaModule === undefined ? {} : { nvidiaModule }),
    ...(nvidiaLibrary === undefined ? {} : { nvidiaLibrary }),
    ...(amdModule === undefined ? {} : { amdModule }),
  }
}

const isLoaded = (module: string): boolean => typeof statusOf(module) !== 'number'

/** The device files of the loaded GPU drivers. */
export function devices(root = ''): Devices {
  const hasNvidia = isLoaded(`${root}/proc/driver/nvidia`)
  const hasAmd = isLoaded(`${root}/sys/module/amdgpu`) && isLoaded(`${root}/sys/class/kfd`)
  const minors = hasNvidia ? nvidiaMinors(`${root}/proc/driver/nvidia/gpus`) : []
  const paths = [
    ...(hasNvidia ? ['/dev/nvidiactl', '/dev/nvidia-uvm', ...minors.map((nth) => `/dev/nvidia${nth}`)] : []),
    ...(hasAmd ? ['/dev/kfd', ...renderNodes(`${root}/dev/dri`)] : []),
  ]
  return { isLoaded: hasNvidia || hasAmd, nodes: paths.map((path) => nodeAt(path, root)) }
}

function nodeAt(path: string, root: string): DeviceNode {
  const status = statusOf(`${root}${path}`)
  if (typeof status === 'number') return { path, state: 'missing', group: '' }
  const mayOpen = access(`${root}${path}`, R_OK | W_OK) === 0
  return { path, state: mayOpen ? 'usable' : 'closed', group: groupName(status.gid) }
}

function groupName(gid: number): string {
  const row = new RegExp(`^([^:\\n]+):[^:\\n]*:${gid}:`, 'm').exec(readLocal('/etc/group'))
  return row?.[1] ?? `gid ${gid}`
}

function nvidiaMinors(folder: string): readonly number[] {
  return namesIn(folder)
    .map((name) => /^Device Minor:\s*(\d+)/m.exec(readText(`${folder}/${name}/information`) ?? '')?.[1])
    .flatMap((minor) => (minor === undefined ? [] : [Number(minor)]))
    .toSorted((a, b) => a - b)
}

const renderNodes = (folder: string): readonly string[] =>
  namesIn(folder)
    .filter((name) => /^renderD\d+$/.test(name))
    .toSorted()
    .map((name) => `/dev/dri/${name}`)

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
