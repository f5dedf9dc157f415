import { expect, test } from 'bun:test'
import { chmodSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { storedPool } from '../support/database.ts'
import { child, untilWatched } from '../support/job.ts'
import { needing } from '../support/needs.ts'
import { type TestPool, testPool } from '../support/pool.ts'
import { isWatching, kill, supervisorsOf } from '../support/processes.ts'
import { CTRL_C, openShell, openTerminal, type TestTerminal } from '../support/terminal.ts'
import { newUser } from '../support/unix-users.ts'
import { until } from '../support/until.ts'

/** The part of the message with its facts. test/app/supervise.test.ts has the whole sentence. */
const LOST = 'reservation of GPU 0 was ended'

const reset = (pool: TestPool) => pool.chg('admin', '--gpus', '1', '--force', '--provider', 'fake')

const untilUnsupervised = (pool: TestPool) =>
  until('no supervisor is left', () => supervisorsOf(pool).length === 0)

test('a terminal gets the message about a lost reservation', async () => {
  using pool = await testPool(1)
  using terminal = openShell(pool)
  terminal.type(`"$CHG" run -- ${child('forever')}\n`)
  await untilWatched(pool)
  await reset(pool)
  await terminal.see(LOST)
  terminal.type(CTRL_C)
})

test('a pipe gets the message', async () => {
  using pool = await testPool(1)
  const job = pool.sh(`"$CHG" run -- sh -c 'until [ -e go ]; do sleep 0.05; done' 2>&1 | cat`)
  await untilWatched(pool)
  await reset(pool)
  await untilUnsupervised(pool)
  await pool.sh('touch go')
  expect((await job).stdout.split('\n')).toEqual([
    'Reserved 1 GPU(s): [0] for command execution',
    expect.stringContaining(LOST),
    '',
  ])
})

/** Empty for a descriptor that was closed meanwhile. */
function targetOf(link: string): string {
  try {
    return readlinkSync(link)
  } catch {
    return ''
  }
}

needing('embedded pool').test(
  'the supervisor keeps a path descriptor of the terminal, not the open terminal',
  async () => {
    using pool = await testPool(1)
    using terminal = openShell(pool)
    terminal.type(`"$CHG" run -- ${child('forever')}\n`)
    const supervisor = await until(
      'the supervisor watches',
      () => supervisorsOf(pool).find(isWatching) ?? null,
    )
    const O_PATH = 0o10000000
    const flags = readdirSync(`/proc/${supervisor}/fd`)
      .filter((fd) => targetOf(`/proc/${supervisor}/fd/${fd}`).startsWith('/dev/pts/'))
      .map((fd) => /^flags:\t(\d+)$/m.exec(readFileSync(`/proc/${supervisor}/fdinfo/${fd}`, 'utf8'))?.[1])
    expect(flags).toHaveLength(1)
    expect(Number.parseInt(flags[0] ?? '', 8) & O_PATH).toBe(O_PATH)
    terminal.type(CTRL_C)
  },
)

needing('users').test('a terminal of another user, as under su, gets the message', async () => {
  using pool = await testPool(0)
  chmodSync(pool.folder, 0o755)
  await pool.chg('admin', '--gpus', '1', '--provider', 'fake')
  const ann = await newUser('ann')
  let terminal: TestTerminal | undefined
  try {
    // The terminal belongs to root before and after.
    const as = ['setpriv', `--reuid=${ann.uid}`, '--clear-groups']
    terminal = openTerminal(pool, [...as, 'sh', '-c', `"$CHG" run -- ${child('forever')}; read line`])
    await untilWatched(pool)
    const [run] = storedPool(pool).reservations
    await reset(pool)
    await terminal.see(LOST)
    await untilUnsupervised(pool)
    if (run?.term.kind === 'run') kill(run.term.process.pid, 'SIGKILL')
  } finally {
    terminal?.[Symbol.dispose]()
    await ann.remove()
  }
})

needing('embedded pool').test(
  'the holder gets the message at once if the store is a link to the pool',
  async () => {
    using pool = await testPool(1)
    const link = { store: `${pool.folder}/link.db` }
    await pool.sh(`ln -s ${pool.database} ${link.store}`)
    const job = pool.sh(
      `"$CHG" run --store ${link.store} -- sh -c 'until [ -e go ]; do sleep 0.05; done' 2>&1 | cat`,
    )
    await until('the supervisor watches', () => supervisorsOf(link).find(isWatching) ?? null)
    await reset(pool)
    await until('the supervisor has exited', () => supervisorsOf(link).length === 0)
    await pool.sh('touch go')
    expect((await job).stdout).toContain(LOST)
  },
)

/** Login shells in which the terminal still belongs to the account that opened it. */
const LOGINS: Readonly<Record<string, (user: string) => string>> = {
  'su -': (user) => `su - ${user}`,
  'sudo -iu': (user) => `sudo -iu ${user}`,
}

for (const [login, command] of Object.entries(LOGINS)) {
  const [program = ''] = login.split(' ')
  needing('users', program).test(
    `a shell under ${login} gets the messages about a lost reservation and about the limit`,
    async () => {
      using pool = await testPool(0)
      chmodSync(pool.folder, 0o755)
      await pool.chg('admin', '--gpus', '1', '--provider', 'fake')
      const ann = await newUser('ann')
      try {
        using terminal = openShell(pool)
        terminal.type(`${command(ann.name)}\n`)
        // A login shell does not have our environment.
        terminal.type(`PS1='ann> '; export CANHAZGPU_STORE=${pool.store}; echo "re""ady"\n`)
        await terminal.see('ready')
        terminal.type(`${ann.executable} run -- sleep 1000\n`)
        await untilWatched(pool)
        await reset(pool)
        await terminal.see(LOST)
        await untilUnsupervised(pool)
        terminal.type(CTRL_C)
        await terminal.see('ann> ')
        terminal.type(`${ann.executable} run --timeout 1s -- sleep 1000\n`)
        await terminal.see('SIGINT after 0h 0m 1s')
        await terminal.see('sending SIGINT')
        await terminal.see('ann> ')
        terminal.type('exit\n')
        await terminal.see('prompt> ')
      } finally {
        await ann.remove()
      }
    },
  )
}
