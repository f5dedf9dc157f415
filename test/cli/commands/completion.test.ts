import { describe, expect, test } from 'bun:test'
import { dirname } from 'node:path'
import { COMMANDS } from '../../../src/cli/registry.ts'
import { needing } from '../../support/needs.ts'
import { binary, type TestPool, testPool } from '../../support/pool.ts'
import { redisServer } from '../../support/redis.ts'
import { openTerminal } from '../../support/terminal.ts'
import { until } from '../../support/until.ts'

/** Shells find `canhazgpu` on `PATH`. */
async function poolOnPath(): Promise<TestPool> {
  const pool = await testPool(4)
  pool.env.PATH = `${dirname(binary)}:${pool.env.PATH}`
  return pool
}

const EVERY_COMMAND = [...COMMANDS.map(({ name }) => name), 'help'].sort().join(' ')

/** Typed words, the last one incomplete, and its candidates. */
const CASES: readonly (readonly [typed: string, candidates: string])[] = [
  ['canhazgpu ', EVERY_COMMAND],
  ['canhazgpu re', 'release report reserve restore'],
  ['chg que', 'queue'],
  ['canhazgpu run --gp', '--gpu-ids --gpu-type --gpus'],
  ['canhazgpu reserve --gpu-ids ', '0 1 2 3'],
  ['canhazgpu run -G 1,', '1,0 1,2 1,3'],
  ['canhazgpu release -G 0,2,', '0,2,1 0,2,3'],
  ['canhazgpu run -g ', '1 2 3 4'],
  ['canhazgpu reserve --note release --cl', '--claim'],
  ['canhazgpu status --wa', '--watch'],
  ['canhazgpu extend 1', '1d 1h'],
  ['canhazgpu completion ', 'bash fish zsh'],
  ['canhazgpu admin --provider nv', 'nvidia nvidia-smi nvml'],
  ['canhazgpu run ', '--'],
]

/** The words after `--` are another command line. */
const AFTER_DASHES = 'canhazgpu run -g 1 -- printe'

const sorted = (text: string): string =>
  text
    .split(/\s+/)
    .filter((word) => word !== '')
    .sort()
    .join(' ')

test('__complete prints nothing after `--`, and completes --option=value', async () => {
  using pool = await poolOnPath()
  const complete = async (...words: string[]) => sorted((await pool.chg('__complete', ...words)).stdout)
  for (const word of ['', '--', 'sta', '--gpus']) expect(await complete('run', '--', word)).toBe('')
  expect(await complete('run', '--gpu-ids=1,')).toBe('--gpu-ids=1,0 --gpu-ids=1,2 --gpu-ids=1,3')
  expect(await complete('run', '--gpu-ids', '=', '3')).toBe('3')
  expect(await complete('status', '--he')).toBe('--help')
})

test('without a pool there are no GPU ids, and no error', async () => {
  using pool = await testPool(0)
  expect(await pool.chg('__complete', 'run', '-G', '')).toEqual({ status: 0, stdout: '', stderr: '' })
})

test('--host completes the hosts of the configuration', async () => {
  using pool = await testPool(0, { CANHAZGPU_REMOTE_HOSTS: 'gpu1,ann@gpu2', CANHAZGPU_HOST_NAME: 'here' })
  const complete = async (...words: string[]) => sorted((await pool.chg('__complete', ...words)).stdout)
  expect(await complete('run', '--host', '')).toBe('any gpu1 gpu2')
  expect(await complete('reserve', '--host=g')).toBe('--host=gpu1 --host=gpu2')
  expect(await complete('release', '--host', '')).toBe('gpu1 gpu2')
  expect(await complete('status', '--host', '')).toBe('gpu1 gpu2 here')
})

needing('redis-server').test(
  'status --host completes also the hosts that this account has seen on the board',
  async () => {
    using server = await redisServer()
    const env = { CANHAZGPU_FLEET: server.url }
    using gpu7 = await testPool(1, { ...env, CANHAZGPU_HOST_NAME: 'gpu7' })
    await gpu7.chg('reserve')
    await until('it is published', async () => (await server.ask('EXISTS', 'canhazgpu:host:gpu7')) === 1)
    using desk = await testPool(0, { ...env, CANHAZGPU_HOST_NAME: 'desk' })
    const complete = async () => sorted((await desk.chg('__complete', 'status', '--host', '')).stdout)
    expect(await complete()).toBe('desk')
    expect((await desk.chg('status', '--all')).stdout).toContain('gpu7')
    expect(await complete()).toBe('desk gpu7')
  },
)

test('release completes the ids of your bookings, and --at completes times', async () => {
  using pool = await poolOnPath()
  for (const rule of ['max-duration 1d', 'default-duration 1h', 'bookings on']) {
    await pool.chg('policy', 'set', ...rule.split(' '))
  }
  const booked = (await pool.chg('reserve', '--at', 'in 1h', '--short')).stdout
  expect(booked).toMatch(/^[0-9a-f]{12}\n$/)
  expect((await pool.chg('__complete', 'release', '')).stdout).toBe(booked)
  expect((await pool.chg('__complete', 'reserve', '--at', 'to')).stdout).toBe('tomorrow 9:00\ntoday 18:00\n')
})

describe('bash', () => {
  /** The candidates of bash, requested as readline requests them. */
  async function candidates(pool: TestPool, typed: string): Promise<string> {
    const script = `
      source <("$CHG" completion bash) || exit
      read -ra COMP_WORDS <<< "$1"
      [[ $1 == *' ' ]] && COMP_WORDS+=('')
      COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 )) COMP_LINE=$1 COMP_POINT=\${#1}
      _canhazgpu "\${COMP_WORDS[0]}" "\${COMP_WORDS[-1]}" "\${COMP_WORDS[-2]}"
      printf '%s\\n' "\${COMPREPLY[@]}"`
    const bash = Bun.spawn(['bash', '-c', script, 'bash', typed], {
      env: pool.env,
      cwd: pool.folder,
      stdout: 'pipe',
      stderr: 'pipe',
    })
    expect(await new Response(bash.stderr).text()).toBe('')
    return sorted(await new Response(bash.stdout).text())
  }

  test('completes commands, flags, values, and another command after `--`', async () => {
    using pool = await poolOnPath()
    for (const [typed, expected] of CASES)
      expect([typed, await candidates(pool, typed)]).toEqual([typed, expected])
    expect((await candidates(pool, AFTER_DASHES)).split(' ')).toContain('printenv')
    expect(await candidates(pool, 'canhazgpu run -- no-such-thing-')).toBe('')
    expect(await candidates(pool, 'canhazgpu reserve --at fr')).toBe('14:00 fri\\')
  })
})

needing('fish').describe('fish', () => {
  test('completes commands, flags, values, and another command after `--`', async () => {
    using pool = await poolOnPath()
    const typed = [...CASES.map(([words]) => words), AFTER_DASHES, 'canhazgpu run -- no-such-thing-']
    const script = `$CHG completion fish | source
      for typed in $argv; echo "="(complete -C $typed | string replace -r '\\t.*' '' | string join ' '); end`
    const fish = Bun.spawn(['fish', '--no-config', '-c', script, ...typed], {
      env: pool.env,
      cwd: pool.folder,
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const shown = await new Response(fish.stdout).text()
    expect(await new Response(fish.stderr).text()).toBe('')
    const lines = shown.split('\n').map((text) => sorted(text.slice(1)))
    for (const [nth, [words, expected]] of CASES.entries())
      expect([words, lines[nth]]).toEqual([words, expected])
    expect(lines[CASES.length]?.split(' ')).toContain('printenv')
    expect(lines[CASES.length + 1]).toBe('')
  })
})

needing('zsh').describe('zsh', () => {
  const SOURCED = 'autoload -U compinit; compinit -u -D; source <("$CHG" completion zsh)'
  const INSTALLED =
    '"$CHG" completion zsh > _canhazgpu; fpath=($PWD $fpath); autoload -U compinit; compinit -u -D'
  test.each([
    ['sourced', SOURCED],
    ['as a file in fpath', INSTALLED],
  ])('completes commands, flags, values, and another command after `--`: %s', async (_, load) => {
    using pool = await poolOnPath()
    using terminal = openTerminal(pool, ['zsh', '-f', '-i'], { env: { PS1: 'prompt> ' } })
    await terminal.see('prompt> ')
    terminal.type(`${load}; echo "lo""aded"\n`)
    await terminal.see('loaded')
    const TAB = '\t'
    const CLEAR_LINE = '\u0015'
    for (const [keys, ...expected] of [
      [`canhazgpu re${TAB}${TAB}`, 'release', 'report', 'reserve', 'restore'],
      [`chg que${TAB}`, 'queue'],
      [`canhazgpu run --gpu-${TAB}`, '--gpu-ids'],
      [`canhazgpu run -G 0,2-3,${TAB}${TAB}`, '0,2-3,1'],
      [`canhazgpu run -- printe${TAB}`, 'printenv'],
    ] as const) {
      terminal.type(keys)
      for (const word of expected) await terminal.see(word.slice(keys.includes(word) ? 0 : 1))
      terminal.type(CLEAR_LINE)
    }
  })
})
