import { expect, test } from 'bun:test'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname } from 'node:path'
import { devices, driverVersions } from '../../../src/adapters/diagnosis/devices.ts'
import { isRoot } from '../../support/needs.ts'

/** A folder in place of `/`, with these files. */
function machine(files: Readonly<Record<string, string>>) {
  const root = mkdtempSync(`${tmpdir()}/canhazgpu-devices-`)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(`${root}${path}`), { recursive: true })
    writeFileSync(`${root}${path}`, text)
  }
  return { root, [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }) }
}

const OPEN =
  'NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release Build  (builder@host)\nGCC version:  gcc version 15.3.0\n'
const CLOSED = 'NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024\n'
const minor = (number: number) => `Model: \t\t NVIDIA H200\nDevice Minor: \t ${number}\nGPU Excluded:\t No\n`

test.each([
  [OPEN, '580.159.04'],
  [CLOSED, '535.183.01'],
])('the version of the NVIDIA module', (text, version) => {
  using at = machine({ '/proc/driver/nvidia/version': text })
  expect(driverVersions(at.root)).toEqual({ nvidiaModule: version })
})

test('the version of the library is in the name of its file', () => {
  using at = machine({ '/usr/lib64/libnvidia-ml.so.550.54.15': '' })
  symlinkSync('libnvidia-ml.so.550.54.15', `${at.root}/usr/lib64/libnvidia-ml.so.1`)
  expect(driverVersions(at.root)).toEqual({ nvidiaLibrary: '550.54.15' })
})

test('a machine without drivers', () => {
  using at = machine({})
  expect(driverVersions(at.root)).toEqual({})
  expect(devices(at.root)).toEqual({ isLoaded: false, nodes: [] })
})

test('the device files of NVIDIA GPUs, by their minor numbers', () => {
  using at = machine({
    '/proc/driver/nvidia/version': OPEN,
    '/proc/driver/nvidia/gpus/0000:1b:00.0/information': minor(10),
    '/proc/driver/nvidia/gpus/0000:2b:00.0/information': minor(2),
    '/dev/nvidiactl': '',
    '/dev/nvidia10': '',
  })
  chmodSync(`${at.root}/dev/nvidia10`, 0)
  const { isLoaded, nodes } = devices(at.root)
  expect(isLoaded).toBe(true)
  expect(nodes.map(({ path, state }) => [path, state])).toEqual([
    ['/dev/nvidiactl', 'usable'],
    ['/dev/nvidia-uvm', 'missing'],
    ['/dev/nvidia2', 'missing'],
    ['/dev/nvidia10', isRoot ? 'usable' : 'closed'],
  ])
})

test('the device files of AMD GPUs', () => {
  using at = machine({
    '/sys/module/amdgpu/version': '6.7.0\n',
    '/sys/class/kfd/kfd/uevent': '',
    '/dev/kfd': '',
    '/dev/dri/renderD128': '',
    '/dev/dri/card0': '',
  })
  expect(driverVersions(at.root)).toEqual({ amdModule: '6.7.0' })
  expect(devices(at.root).nodes.map(({ path }) => path)).toEqual(['/dev/kfd', '/dev/dri/renderD128'])
})
