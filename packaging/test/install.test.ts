import { beforeAll, expect, test } from 'bun:test'
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname } from 'node:path'
import { isRoot, needing } from '../../test/support/needs.ts'
import { type Finished, finished, testPool } from '../../test/support/pool.ts'
import { type Made, packages } from './made.ts'

const HERE = `linux-${process.arch}`
const ELSEWHERE = process.arch === 'x64' ? 'linux-arm64' : 'linux-x64'

needing('go', 'setpriv', 'curl', 'wget').describe('install.sh', () => {
  let made: Made
  beforeAll(() => {
    made = packages()
  }, 180_000)

  const archive = () => made.path(`-${HERE}.tar.gz`)

  test('installs the archive of this machine, and replaces the program while it runs', async () => {
    using place = newPlace()
    using pool = await testPool(2)
    const program = `${place.prefix}/bin/canhazgpu`
    const first = await place.install()
    expect([first.status, first.stderr]).toEqual([0, ''])
    expect(first.stdout).toContain(`as ${program}\n`)
    expect(first.stdout).toContain(`export PATH="${place.prefix}/bin:$PATH"`)
    const files = filesIn(place.prefix)
    expect(files.filter((path) => !path.startsWith('share/man/'))).toEqual([
      'bin/canhazgpu',
      'share/bash-completion/completions/canhazgpu',
      'share/fish/vendor_completions.d/canhazgpu.fish',
      'share/zsh/site-functions/_canhazgpu',
    ])
    const job = Bun.spawn([program, 'run', '--', 'sh', '-c', 'echo started; read line; exit 7'], {
      ...{ env: pool.env, stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' },
    })
    const reader = job.stdout.getReader()
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('started\n')
    expect((await place.install()).status).toBe(0)
    const status = Bun.spawnSync([program, 'status', '--json'], { env: pool.env })
    expect(JSON.parse(status.stdout.toString())[0]).toMatchObject({ type: 'RUN' })
    job.stdin.write('\n')
    job.stdin.end()
    expect(await job.exited).toBe(7)
    expect(filesIn(place.prefix)).toEqual(files)
  })

  test('accepts one archive, and refuses one for another machine', async () => {
    using place = newPlace()
    expect(await place.install(made.path(`-${ELSEWHERE}.tar.gz`))).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(`-${HERE}.tar.gz`),
    })
    expect(filesIn(place.prefix)).toEqual([])
    expect((await place.install(archive())).status).toBe(0)
  })

  test('refuses a processor and a system without a package', async () => {
    for (const [answer, named] of [
      ['echo riscv64', 'riscv64'],
      ['[ "$1" = -m ] && echo x86_64 || echo Darwin', 'Darwin'],
    ] as const) {
      using place = newPlace()
      place.program('uname', answer)
      expect(await place.install()).toMatchObject({ status: 1, stderr: expect.stringContaining(named) })
      expect(filesIn(place.prefix)).toEqual([])
    }
  })

  test('takes the archive for musl where the C library is musl', async () => {
    using place = newPlace()
    place.program('ldd', 'echo "musl libc (x86_64)" >&2; exit 1')
    // It does not start on this machine, so nothing is installed.
    const { status, stderr } = await place.install(releaseOf(place, made, [`-${HERE}-musl.tar.gz`]))
    expect([status, filesIn(place.prefix)]).toEqual([1, []])
    expect(stderr).toContain('does not start here')
  })

  test('a changed, truncated or unnamed archive is not installed, and the installed program stays', async () => {
    using place = newPlace()
    await place.install()
    const before = readFileSync(`${place.prefix}/bin/canhazgpu`)
    const files = filesIn(place.prefix)
    const release = releaseOf(place, made, [`-${HERE}.tar.gz`])
    const copy = `${release}/${basename(archive())}`
    for (const damage of [
      () => appendFileSync(copy, 'x'),
      () => truncateSync(copy, 1_000_000),
      () => truncateSync(copy, 0),
      () => writeFileSync(`${release}/SHA256SUMS`, ''),
      () => rmSync(`${release}/SHA256SUMS`),
    ]) {
      damage()
      for (const source of [release, copy]) {
        const { status, stderr } = await place.install(source)
        expect([status, stderr.split('\n')[0]]).toEqual([1, expect.stringMatching(/^Error: \S/)])
      }
      expect(readFileSync(`${place.prefix}/bin/canhazgpu`).equals(before)).toBe(true)
    }
    expect(filesIn(place.prefix)).toEqual(files)
  })

  test('an unwritable prefix is refused with a remedy', async () => {
    using place = newPlace()
    mkdirSync(`${place.prefix}/bin`)
    chmodSync(`${place.prefix}/bin`, 0o555)
    const { status, stderr } = await place.installAsOther()
    expect([status, stderr]).toEqual([1, expect.stringContaining('sudo')])
    chmodSync(`${place.prefix}/bin`, 0o755)
    expect(filesIn(place.prefix)).toEqual([])
  })

  test.each(['curl', 'wget'])('downloads with %s', async (downloader) => {
    using place = newPlace()
    place.programsWithout(downloader === 'curl' ? 'wget' : 'curl')
    using server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: ({ url }) => {
        const { pathname } = new URL(url)
        const file = Bun.file(`${made.folder}/${basename(pathname)}`)
        return dirname(pathname) === '/release' ? new Response(file) : new Response('', { status: 404 })
      },
    })
    const address = `http://127.0.0.1:${server.port}`
    expect(await place.install(`${address}/release/`)).toMatchObject({ status: 0, stderr: '' })
    expect(await place.install(`${address}/none`)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('cannot be downloaded'),
    })
    expect(filesIn(place.prefix)).toContain('bin/canhazgpu')
  })

  test('does not download over an unprotected connection', async () => {
    using place = newPlace()
    for (const address of ['http://example.org/', 'http://127.0.0.1.example.org/']) {
      expect(await place.install(address)).toMatchObject({
        status: 1,
        stderr: expect.stringContaining('https'),
      })
    }
  })

  test('wrong arguments are refused', async () => {
    using place = newPlace()
    for (const args of [['--unknown'], ['one', 'two'], ['--prefix']]) {
      expect((await place.install(...args)).status).toBe(2)
    }
    expect((await place.install('--prefix=relative')).status).toBe(1)
  })

  /** A prefix, and programs that `install.sh` finds in place of those of the machine. */
  function newPlace() {
    const folder = mkdtempSync(`${tmpdir()}/canhazgpu-install-`)
    chmodSync(folder, 0o755)
    const prefix = `${folder}/prefix`
    const programs = `${folder}/programs`
    mkdirSync(prefix)
    mkdirSync(programs)
    let path = `${programs}:${process.env.PATH}`
    const install = (account: readonly string[], args: readonly string[]): Promise<Finished> =>
      finished(
        Bun.spawn([...account, 'sh', `${made.folder}/install.sh`, '--prefix', prefix, ...args], {
          ...{ env: { PATH: path }, cwd: '/', stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
        } as const),
      )
    return {
      ...{ folder, prefix },
      install: (...args: string[]) => install([], args),
      installAsOther: () =>
        install(isRoot ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [], []),
      program(name: string, script: string) {
        writeFileSync(`${programs}/${name}`, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
      },
      programsWithout(name: string) {
        for (const each of readdirSync('/usr/bin')) {
          if (each !== name) symlinkSync(`/usr/bin/${each}`, `${programs}/${each}`)
        }
        path = programs
      },
      [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
    }
  }
})

/** A copy of a part of the release. */
function releaseOf(place: { readonly folder: string }, made: Made, endings: readonly string[]): string {
  const release = `${place.folder}/release`
  mkdirSync(release)
  copyFileSync(`${made.folder}/SHA256SUMS`, `${release}/SHA256SUMS`)
  for (const path of endings.map(made.path)) copyFileSync(path, `${release}/${basename(path)}`)
  return release
}

function filesIn(folder: string): readonly string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((each) => !each.isDirectory())
    .map((each) => `${each.parentPath}/${each.name}`.slice(folder.length + 1))
    .sort()
}
