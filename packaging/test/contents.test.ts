import { beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import manifest from '../../package.json'
import { needing } from '../../test/support/needs.ts'
import { root } from '../../test/support/sources.ts'
import { must } from '../programs.ts'
import { type Made, packages } from './made.ts'
import { muslEnvironment } from './musl.ts'

/** The C library of arm64. */
const ARM64 = '/usr/aarch64-linux-gnu'
/** What starts programs for musl on x64. */
const MUSL = '/lib/ld-musl-x86_64.so.1'

needing('go', 'dpkg-deb').describe('packages', () => {
  let made: Made
  beforeAll(() => {
    made = packages()
  }, 180_000)

  test('a second run makes the same bytes, and SHA256SUMS names every file', async () => {
    const sums = made.checksums()
    made.again()
    expect(made.checksums()).toBe(sums)
    expect(sums.trim().split('\n')).toHaveLength(9)
    await must('sh', '-c', `cd '${made.folder}' && sha256sum --check --strict SHA256SUMS`)
  }, 180_000)

  test('there is no systemd unit in a package, and no file outside of /usr', async () => {
    const paths = await must('sh', '-c', `dpkg-deb --fsys-tarfile '${made.path('_amd64.deb')}' | tar -t`)
    expect(paths.split('\n').filter((path) => path !== '' && !path.startsWith('./usr/'))).toEqual([])
    expect(paths).not.toContain('systemd')
    expect(paths).toContain('./usr/share/doc/canhazgpu/copyright\n')
    expect(paths).toContain('./usr/share/man/man1/canhazgpu-run.1\n')
    expect(paths).toContain('./usr/share/man/man5/canhazgpu.yaml.5\n')
  })
})

needing('go', 'qemu-aarch64-static').test(
  'the executable for arm64 reserves, reports and runs',
  () => works('linux-arm64', ['qemu-aarch64-static', '-L', ARM64]),
  180_000,
)

needing('go', 'gcc', 'pip3', 'python3', MUSL).test(
  'the executable for musl reserves, reports and runs',
  async () => works('linux-x64-musl', [], await muslEnvironment()),
  180_000,
)

needing('nm', 'ld-musl-config').test('musl has every function of the C library that is called', async () => {
  const library = `/usr/lib/${process.arch === 'x64' ? 'x86_64' : 'aarch64'}-linux-musl/libc.so`
  const symbols = await must('nm', '--dynamic', '--defined-only', '--format=just-symbols', library)
  // Later versions resolve names like open64 only for programs that were linked with an earlier one.
  const provided = new Set(symbols.split('\n').filter((name) => !name.endsWith('64')))
  const files = ['library', 'rights'].map((name) => `${root}src/adapters/kernel/libc/${name}.ts`)
  const source = files.map((path) => readFileSync(path, 'utf8')).join('\n')
  const called = [...source.matchAll(/^ {4}(\w+): \{ args:/gm)].map(([, name = '']) => name)
  expect(called.length).toBeGreaterThan(20)
  expect(called.filter((name) => !provided.has(name))).toEqual([])
})

/** The program of an archive does its work, started by these words and with these variables. */
async function works(
  target: string,
  starter: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<void> {
  const folder = mkdtempSync(`${tmpdir()}/canhazgpu-${target}-`)
  try {
    await must('tar', '-xzf', packages().path(`-${target}.tar.gz`), '-C', folder)
    const program = `${folder}/canhazgpu-${manifest.version}-${target}/bin/canhazgpu`
    const env = Object.entries({ ...variables, CANHAZGPU_STORE: `${folder}/pool.db` })
    const settings = env.map(([name, value]) => `${name}=${value}`)
    const chg = (...args: string[]) => must('env', ...settings, ...starter, program, ...args)
    expect(await chg('--version')).toStartWith(manifest.version)
    await chg('admin', '--gpus', '2', '--provider', 'fake')
    expect(await chg('reserve', '--duration', '1h', '--short')).toBe('0\n')
    expect(JSON.parse(await chg('status', '--json'))[0]).toMatchObject({ type: 'MANUAL' })
    await chg('release')
    expect(await chg('run', '--', 'echo', 'ran')).toBe('ran\n')
    expect(await chg('report', '--json')).toContain('"manual": 1')
  } finally {
    rmSync(folder, { recursive: true })
  }
}
