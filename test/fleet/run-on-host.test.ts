import { expect, test } from 'bun:test'
import { chmodSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { storedPool } from '../support/database.ts'
import { sharedFleet } from '../support/fleet.ts'
import { child, untilAllFree } from '../support/job.ts'
import { needing } from '../support/needs.ts'
import { type Child, testPool } from '../support/pool.ts'
import { kill } from '../support/processes.ts'
import { until } from '../support/until.ts'

needing('ssh', 'sshd').describe('run --host', () => {
  const fleet = sharedFleet(2)

  const run = (...command: string[]) => fleet.caller.chg('run', '--host', 'gpu1', '--', ...command)

  test('the command runs there with the GPUs of that host, and stdout and stderr are separate', async () => {
    const { status, stdout, stderr } = await run(
      'sh',
      '-c',
      'echo "on $CUDA_VISIBLE_DEVICES"; echo to stderr >&2',
    )
    expect(stdout).toMatch(/^on [01]\n$/)
    expect(stderr).toMatch(/^Reserved 1 GPU\(s\): \[[01]\] for command execution\nto stderr\n$/)
    expect(status).toBe(0)
  })

  test.each([0, 1, 75, 126, 255])('the exit status %i is that of the command', async (wanted) => {
    expect((await run('sh', '-c', `exit ${wanted}`)).status).toBe(wanted)
  })

  test.each(['SIGTERM', 'SIGKILL', 'SIGINT', 'SIGSEGV', 'SIGPIPE'] as const)(
    'it ends by %s like the command',
    async (signal) => {
      const process = fleet.caller.start(
        'run',
        '--host',
        'gpu1',
        '--',
        'sh',
        '-c',
        `kill -${signal.slice(3)} $$`,
      )
      await process.exited
      expect(process.signalCode).toBe(signal)
    },
  )

  test('failures before the start are those of a local run, with the name of the host', async () => {
    expect(await run('no-such-program')).toMatchObject({
      status: 127,
      stderr: `Error: ${hostname().split('.')[0]}: command not found: no-such-program\n`,
    })
    expect((await run('/etc/passwd')).status).toBe(126)
    expect((await fleet.caller.chg('run', '--host', 'gpu1', '--gpus', '9', '--', 'true')).status).toBe(2)
    await fleet.host.pool.chg('reserve', '--gpus', '2')
    const refused = await fleet.caller.chg('run', '--host', 'gpu1', '--json', '--', 'true')
    expect(refused).toMatchObject({ status: 75, stdout: '' })
    expect(JSON.parse(refused.stderr).error.code).toBe('not-enough-gpus')
    await fleet.host.pool.chg('release')
  })

  test('each argument arrives with every byte', async () => {
    const bytes = Array.from({ length: 255 }, (_, at) => `\\${(at + 1).toString(8).padStart(3, '0')}`).join(
      '',
    )
    const echo = `sh -c 'printf "<%s>" "$@"' sh`
    const args = `"$(printf '${bytes}x')" '' ' two  words ' "quote'\\"s" '$HOME' '*' '--' '-x'`
    const { stdout, stderr } = await fleet.caller.sh(
      `$CHG run --host gpu1 -- ${echo} ${args} | od -An -v -tx1; ${echo} ${args} | od -An -v -tx1`,
    )
    const lines = stdout.split('\n').slice(0, -1)
    expect(stderr).toContain('Reserved')
    expect(lines.length % 2).toBe(0)
    expect(lines.slice(0, lines.length / 2)).toEqual(lines.slice(lines.length / 2))
    expect(lines.length).toBeGreaterThan(32)
  })

  test('standard input is passed with every byte to its end', async () => {
    const { folder } = fleet.caller
    const bytes = crypto.getRandomValues(new Uint8Array(65536))
    const input = Buffer.concat(Array.from({ length: 50 }, () => bytes))
    writeFileSync(`${folder}/input`, input)
    await fleet.caller.sh(`cat ${folder}/input | $CHG run --host gpu1 -- cat > ${folder}/output`)
    expect(Bun.hash(readFileSync(`${folder}/output`))).toBe(Bun.hash(input))
    const { stdout } = await fleet.caller.sh(`$CHG run --host gpu1 -- wc -c < ${folder}/input`)
    expect(Number(stdout)).toBe(input.length)
  })

  test('a command that does not read its input ends while more input comes', async () => {
    expect(
      await fleet.caller.sh('yes | $CHG run --host gpu1 -- sh -c "exec <&-; exit 3"; echo $?'),
    ).toMatchObject({
      stdout: '3\n',
    })
  })

  test('a command whose output nobody reads ends by SIGPIPE', async () => {
    const { stdout } = await fleet.caller.sh(
      'exec 3>&1; { $CHG run --host gpu1 -- yes; echo $? >&3; } | head -n 1',
    )
    expect(stdout).toContain('y\n')
    expect(stdout).toContain('141\n')
  })

  test('output that cannot be written, for example on a full disk, is an error', async () => {
    const full = (command: string) => fleet.caller.sh(`"$CHG" ${command} > /dev/full`)
    const reserved = await full('reserve --host gpu1 --short')
    expect(reserved.stderr).toBe(
      "Error: The output of gpu1 cannot be written: No space left on device - the command there has ended: see 'canhazgpu status --host gpu1'\n",
    )
    expect(reserved.status).toBe(1)
    const ran = await full('run --host any -- sh -c "yes | head -c 10000000"')
    expect(ran.stderr).toContain('The output of gpu1 cannot be written')
    expect(ran.status).toBe(125)
    expect((await full('run --host gpu1 -- sh -c "echo hello; exit 3"')).status).toBe(3)
  })

  test('a signal ends a caller whose command has ended, and whose output nobody reads', async () => {
    const { folder, env } = fleet.caller
    const command = "sh -c 'touch ran; exec head -c 300000 /dev/zero'"
    const script = `mkfifo unread; sleep 1000 < unread & exec $CHG run --host gpu1 -- ${command} > unread`
    const caller = Bun.spawn(['sh', '-c', script], { env, cwd: folder, stderr: 'ignore' })
    await until('the command runs', () => Bun.file(`${folder}/ran`).exists())
    await untilAllFree(fleet.host.pool)
    // Before the caller knows of the end, it forwards the signal.
    await until('the signal ends it', () => {
      caller.kill('SIGTERM')
      return caller.signalCode
    })
    expect(caller.signalCode).toBe('SIGTERM')
  })

  test('Ctrl-C and other signals without a terminal reach the command', async () => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const) {
      const name = signal.slice(3)
      const script = `trap 'echo got ${name}; exit 5' ${name}; echo ready; while :; do sleep 0.01; done`
      const process = fleet.caller.start('run', '--host', 'gpu1', '--', 'sh', '-c', script)
      const output = await firstLine(process)
      kill(process.pid, signal)
      expect([await output.rest(), await process.exited]).toEqual([`got ${name}\n`, 5])
    }
  })

  test('the working folder is the same, by the name that the shell shows', async () => {
    const { folder } = fleet.caller
    mkdirSync(`${folder}/deep/real`, { recursive: true })
    symlinkSync(`${folder}/deep/real`, `${folder}/link`)
    const { stdout } = await fleet.caller.sh(
      `cd ${folder}/link; $CHG run --host gpu1 -- sh -c 'echo "$PWD"; pwd -P'`,
    )
    expect(stdout).toBe(`${folder}/link\n${folder}/deep/real\n`)
    expect((await fleet.caller.chg('run', '--host', 'gpu1', '--workdir', '/usr', '--', 'pwd')).stdout).toBe(
      '/usr\n',
    )
    const missing = await fleet.caller.chg(
      'run',
      '--host',
      'gpu1',
      '--workdir',
      `${folder}/none`,
      '--',
      'pwd',
    )
    expect(missing.status).toBe(125)
    expect(missing.stderr).toBe(
      `Error: gpu1: cannot use the folder ${folder}/none there: No such file or directory - name a folder of that host with --workdir\n`,
    )
  })

  test('a relative working folder begins in the home folder there', async () => {
    const { stdout } = await fleet.caller.chg('run', '--host', 'gpu1', '--workdir', '.', '--', 'pwd', '-P')
    expect(stdout.trim()).toBe(realpathSync(userInfo().homedir))
  })

  test('defaults are those of that host', async () => {
    const held = 'echo $CUDA_VISIBLE_DEVICES'
    await fleet.host.setVariable('CANHAZGPU_RUN_GPUS', '2')
    fleet.caller.env.CANHAZGPU_RUN_GPUS = '9'
    const { stdout } = await run('sh', '-c', held)
    delete fleet.caller.env.CANHAZGPU_RUN_GPUS
    expect(stdout.trim().split(',').sort()).toEqual(['0', '1'])
    const typed = await fleet.caller.chg('run', '--host', 'gpu1', '--gpus', '1', '--', 'sh', '-c', held)
    expect(typed.stdout).toMatch(/^[01]\n$/)
    await fleet.host.setVariable('CANHAZGPU_RUN_GPUS', '1')
  })

  test('a command line of 80 KB arrives, and one that is too long is refused', async () => {
    const long = 'x'.repeat(80_000)
    expect((await run('sh', '-c', 'printf %s "$1" | wc -c', 'sh', long)).stdout).toBe('80000\n')
    const { status, stderr } = await run('true', long, long)
    expect(status).toBe(2)
    expect(stderr).toContain('too long for another host')
  })

  test('only the variables of terminal and language are passed', async () => {
    const { stdout } = await fleet.caller.sh(
      `export SECRET=1 TERM=vt100 LANG=C.UTF-8 LC_TIME=C; $CHG run --host gpu1 -- sh -c 'echo "$SECRET $TERM $LANG $LC_TIME $LOGNAME"'`,
    )
    const { stdout: name } = await fleet.caller.sh('id -un')
    expect(stdout).toBe(` vt100 C.UTF-8 C ${name}`)
  })

  test('reserve and release work there', async () => {
    expect((await fleet.caller.chg('reserve', '--host', 'gpu1', '--short')).stdout).toMatch(/^[01]\n$/)
    expect(storedPool(fleet.host.pool).reservations).toHaveLength(1)
    expect((await fleet.caller.chg('release', '--host=gpu1')).stdout).toMatch(
      /^Released 1 GPU\(s\): \[[01]\]\n$/,
    )
  })

  test('a waiter there is an ordinary request of its queue', async () => {
    await fleet.host.pool.chg('reserve', '--gpus', '2')
    const first = fleet.host.pool.start('run', '--wait', '--gpus', '2', '--', 'echo', 'first')
    await until('one waits', () => storedPool(fleet.host.pool).queue.length === 1)
    const second = fleet.caller.start('run', '--host', 'gpu1', '--wait', '--', 'echo', 'second')
    await until('two wait', () => storedPool(fleet.host.pool).queue.length === 2)
    expect(storedPool(fleet.host.pool).queue.map(({ process }) => process.pid)[0]).toBe(first.pid)
    await fleet.host.pool.chg('release')
    expect([await first.exited, await second.exited]).toEqual([0, 0])
    expect(await new Response(second.stdout).text()).toBe('second\n')
  })

  test('an interrupted waiter leaves the queue there', async () => {
    await fleet.host.pool.chg('reserve', '--gpus', '2')
    const waiter = fleet.caller.start('run', '--host', 'gpu1', '--wait', '--', 'true')
    await until('it waits', () => storedPool(fleet.host.pool).queue.length === 1)
    kill(waiter.pid, 'SIGINT')
    expect(await waiter.exited).toBe(130)
    expect(storedPool(fleet.host.pool).queue).toEqual([])
    await fleet.host.pool.chg('release')
  })

  test.each(['SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const)(
    '%s ends a reservation that waits there',
    async (signal) => {
      await fleet.host.pool.chg('reserve', '--gpus', '2')
      const waiter = fleet.caller.start('reserve', '--host', 'gpu1', '--wait')
      await until('it waits', () => storedPool(fleet.host.pool).queue.length === 1)
      waiter.kill(signal)
      expect(await waiter.exited).toBe(130)
      expect(storedPool(fleet.host.pool).queue).toEqual([])
    },
  )

  test('a host that is not configured is not connected to', async () => {
    for (const name of ['gpu9', '-oProxyCommand=touch', '127.0.0.1', 'any\nthing']) {
      expect((await fleet.caller.chg('run', `--host=${name}`, '--', 'true')).status).toBe(2)
    }
  })

  test('text of a login shell before the answer does no harm', async () => {
    const wrapper = `${fleet.host.programs}/noisy`
    writeFileSync(wrapper, `#!/bin/sh\necho 'Welcome!'\nprintf 'no line end'\nexec canhazgpu "$@"\n`)
    chmodSync(wrapper, 0o755)
    const { caller } = fleet
    const ssh = `${caller.folder}/noisy-ssh`
    mkdirSync(ssh, { recursive: true })
    writeFileSync(
      `${ssh}/ssh`,
      `#!/bin/sh\nfor last; do :; done\nexec ${caller.folder}/ssh/ssh gpu1 "noisy \${last#canhazgpu }"\n`,
    )
    chmodSync(`${ssh}/ssh`, 0o755)
    const { stdout } = await caller.sh(`PATH=${ssh}:$PATH $CHG run --host gpu1 -- echo hello`)
    expect(stdout).toBe('hello\n')
  })

  test('a supervisor of the host enforces the time limit', async () => {
    const { stderr, status } = await fleet.caller.chg(
      ...['run', '--host', 'gpu1', '--timeout', '1s', '--grace', '1s', '--', child('forever')],
    )
    expect(stderr).toContain('Time limit')
    expect(status).toBe(130)
  })
})

/** Waits for the first line of the stdout. */
async function firstLine({ stdout }: Child): Promise<{ readonly rest: () => Promise<string> }> {
  const reader = stdout.getReader()
  await reader.read()
  return {
    rest: async () => {
      let text = ''
      for (;;) {
        const { value, done } = await reader.read()
        if (done) return text
        text += new TextDecoder().decode(value)
      }
    },
  }
}

test('the name of this host means this host, without SSH, and --workdir counts there too', async () => {
  using pool = await testPool(1, { CANHAZGPU_HOST_NAME: 'here', CANHAZGPU_REMOTE_HOSTS: 'here,gpu2' })
  const run = (folder: string) => pool.chg('run', '--host', 'here', '--workdir', folder, '--', 'pwd')
  expect(await run('/usr')).toMatchObject({ status: 0, stdout: '/usr\n' })
  expect(await run('/nowhere')).toMatchObject({
    status: 125,
    stderr: expect.stringContaining('cannot use the folder /nowhere'),
  })
})
