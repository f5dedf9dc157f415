import { afterAll, beforeAll, expect, test } from 'bun:test'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { missing, needing } from '../support/needs.ts'
import { binary, type TestPool, testPool } from '../support/pool.ts'

/**
 * Each script runs twice: once with an empty `RUN`, and once with `canhazgpu run --` in its place. The output of the
 * probe in the script must be equal, and so must the output and status of the script.
 */

const VARIABLES = [
  'CUDA_VISIBLE_DEVICES',
  'CUDA_DEVICE_ORDER',
  'NVIDIA_VISIBLE_DEVICES',
  'CANHAZGPU_RESERVATION',
]
const TIMEOUT_MS = 60_000

let pool: TestPool
let probe: string
let out: string

const withProbe = needing('gcc')
beforeAll(async () => {
  pool = await testPool(4)
  probe = join(pool.folder, 'probe')
  out = join(pool.folder, 'seen.json')
  const source = new URL('probe.c', import.meta.url).pathname
  if (missing('gcc') !== null) return
  expect(Bun.spawnSync(['gcc', '-O1', '-Wall', '-o', probe, source]).exitCode).toBe(0)
})

afterAll(() => pool[Symbol.dispose]())

interface Descriptor {
  fd: number
  target: string
}

/** The document that the probe writes. */
interface ProbeDocument extends Record<string, unknown> {
  pid: number
  ppid: number
  descriptors: Descriptor[]
  environment: string[]
}

interface Observation {
  readonly seen: ProbeDocument | null
  readonly stdout: string
  readonly status: number | null
}

function observe(script: string, run: string, shell: readonly string[]): Observation {
  rmSync(out, { force: true })
  const ended = Bun.spawnSync(
    [...shell, script.replaceAll('RUN ', run).replaceAll('PROBE', `${probe} ${out}`)],
    {
      cwd: pool.folder,
      env: pool.env,
      stdin: 'ignore',
    },
  )
  const seen = existsSync(out) ? JSON.parse(readFileSync(out, 'utf8')) : null
  return { seen, stdout: ended.stdout.toString(), status: ended.exitCode }
}

const bare = (script: string, shell: readonly string[]) => observe(script, '', shell)
const underRun = (script: string, shell: readonly string[]) => observe(script, `${binary} run -- `, shell)

/** Pids and inode numbers differ between runs; equal ones within a run stay equal. */
function comparable({ seen, ...rest }: Observation): unknown {
  if (seen === null) return rest
  const { pid: _, ppid: __, descriptors, environment, ...equal } = seen
  // Inodes, and the number of a terminal: other programs open terminals too.
  const numbers = new Map<string, number>()
  const anonymous = (target: string) =>
    target.replace(/\[\d+\]|(?<=^\/dev\/pts\/)\d+$/, (number) => {
      if (!numbers.has(number)) numbers.set(number, numbers.size)
      return `[${numbers.get(number)}]`
    })
  return {
    ...rest,
    ...equal,
    descriptors: descriptors.map((descriptor) => ({ ...descriptor, target: anonymous(descriptor.target) })),
    environment: environment.map(text).filter((entry) => !VARIABLES.includes(entry.split('=')[0] ?? '')),
  }
}

const text = (hex: string): string => Buffer.from(hex, 'hex').toString('latin1')

function expectNoDifference(script: string, shell: readonly string[] = ['bash', '-c']): Observation {
  const expected = bare(script, shell)
  const actual = underRun(script, shell)
  expect(comparable(actual)).toEqual(comparable(expected))
  return actual
}

/** Runs the command in its own terminal. `script` exits with the status of the command. */
const TERMINAL = ['script', '-qec']
const shellScript = (shell: string, commands: string) => `cat > s.sh <<'END'\n${commands}\nEND\n${shell} s.sh`

withProbe.describe('the command starts in the same state', () => {
  const scripts: Record<string, string> = {
    'in a plain shell': 'RUN PROBE exit:0; true',
    'as the last command, which the shell may exec': 'RUN PROBE exit:0',
    'with many arguments': 'RUN PROBE exit:0 -- -h --help "" "two words" $(seq 500)',
    'with arguments that are not UTF-8': `RUN PROBE exit:0 $'\\xff\\xfe' $'caf\\xe9' 'caf\u00e9'; true`,
    'with an environment that is not UTF-8': `BAD=$'\\xff' env $'\\xe9=\\xe8' bash -c 'RUN PROBE exit:0; true'`,
    'with an empty environment': 'env -i CANHAZGPU_STORE="$CANHAZGPU_STORE" RUN PROBE exit:0; true',
    'with the GPUs it had before': 'CUDA_VISIBLE_DEVICES=7 RUN PROBE exit:0; true',
    'with variables that configure the runtime':
      'NODE_OPTIONS=--x BUN_JSC_useDFGJIT=0 NODE_ENV=production TZ=Asia/Tokyo RUN PROBE exit:0; true',
    'with a file as standard input': 'printf "a\\0b\\377" > in; RUN PROBE stdin:0 < in; true',
    'with a file that is read in part': 'seq 1000 > in; { read -r line; RUN PROBE stdin:0; } < in; true',
    'with a pipe as standard input': 'printf "a\\0b\\377" | RUN PROBE stdin:0; true',
    'with one file for output and errors': 'RUN PROBE exit:0 > /dev/null 2>&1; true',
    'with standard streams closed': 'RUN PROBE exit:0 <&-; true',
    'with output closed': 'RUN PROBE exit:0 >&-; true',
    'with a process substitution': 'RUN PROBE exit:0 <(echo one) >(cat); true',
    'with descriptor 3': 'seq 10 > in; RUN PROBE exit:0 3< in; true',
    'with descriptor 3 and 4': 'seq 10 > in; RUN PROBE exit:0 3< in 4>&1; true',
    'with high descriptors': 'seq 10 > in; RUN PROBE exit:0 10< in 250>> in; true',
    'with all descriptors up to 100':
      'for fd in $(seq 3 100); do eval "exec $fd</dev/null"; done; RUN PROBE exit:0; true',
    'with a lock it holds': '{ flock 9; RUN PROBE exit:0; } 9> lock; true',
    'under flock': 'flock lock RUN PROBE exit:0; true',
    'with SIGPIPE ignored': "trap '' PIPE; RUN PROBE exit:0; true",
    'with SIGXFSZ and SIGHUP ignored': "trap '' XFSZ HUP; RUN PROBE exit:0; true",
    'with crash signals ignored': "trap '' SEGV BUS FPE ILL ABRT TRAP SYS PWR; RUN PROBE exit:0; true",
    'with SIGINT and SIGTERM ignored': "trap '' INT TERM; RUN PROBE exit:0; true",
    'with every signal ignored': "trap '' $(seq 1 31); RUN PROBE exit:0; true",
    'in the background': 'RUN PROBE exit:3 & wait $!',
    'in the background with job control': 'set -m; RUN PROBE exit:3 & wait $!',
    'in a subshell in the background': '(RUN PROBE exit:3; exit $?) & wait $!',
    'under nohup': 'nohup RUN PROBE exit:0; true',
    'under timeout': "trap '' PIPE; timeout 50 RUN PROBE exit:0; true",
    'under xargs': "trap '' PIPE; echo a b | xargs RUN PROBE exit:0; true",
    'in a new session': 'setsid --wait RUN PROBE exit:0; true',
    'with a soft limit of open files': 'ulimit -Sn 500; RUN PROBE exit:0; true',
    'with a hard limit of open files': 'ulimit -n 700; RUN PROBE exit:0; true',
    'with soft and hard limit of open files': 'ulimit -Hn 700; ulimit -Sn 300; RUN PROBE exit:0; true',
    'with other limits':
      'ulimit -Sc 0; ulimit -Ss 4096; ulimit -Su 9000; ulimit -t 99; RUN PROBE exit:0; true',
    'with a file size limit': 'ulimit -f 2000; RUN PROBE exit:0; true',
    niced: 'nice -n 5 RUN PROBE exit:0; true',
    'as a batch process': 'chrt -b 0 RUN PROBE exit:0; true',
    'on one processor': 'taskset 1 RUN PROBE exit:0; true',
    'with idle I/O priority': 'ionice -c 3 RUN PROBE exit:0; true',
    'with a strict umask': 'umask 077; RUN PROBE exit:0; true',
    'with another personality': 'setarch --addr-no-randomize RUN PROBE exit:0; true',
    'without new privileges': 'setpriv --no-new-privs RUN PROBE exit:0; true',
    'with an out-of-memory score': 'choom -n 500 -- RUN PROBE exit:0; true',
    'in another directory': 'mkdir -p deep/er; cd deep/er; RUN PROBE exit:0; true',
    'with an alarm set': `perl -e 'alarm 50; exec @ARGV' RUN PROBE exit:0; true`,
    'found by PATH': `PATH="${'$PWD'}:$PATH"; RUN probe $PWD/seen.json exit:0; true`,
    'found in the working directory': 'PATH=":$PATH"; RUN probe seen.json exit:0; true',
  }
  for (const [title, script] of Object.entries(scripts)) {
    test(title, () => expect(expectNoDifference(script).seen).toMatchObject({ complete: true }), TIMEOUT_MS)
  }
})

withProbe.describe('under other shells', () => {
  const scripts: Record<string, string> = {
    plain: 'RUN PROBE exit:0; true',
    'with SIGPIPE ignored': "trap '' PIPE; RUN PROBE exit:0; true",
    'in the background': 'RUN PROBE exit:3 & wait $!',
    'with descriptors': 'RUN PROBE exit:0 3</dev/null 9>lock; true',
  }
  for (const shell of ['dash', 'zsh', 'mksh', 'busybox']) {
    for (const [title, script] of Object.entries(scripts)) {
      needing(shell).test(
        `${shell}: ${title}`,
        () => {
          const command = shell === 'busybox' ? ['busybox', 'sh', '-c'] : [shell, '-c']
          expect(expectNoDifference(script, command).seen).toMatchObject({ complete: true })
        },
        TIMEOUT_MS,
      )
    }
  }
})

needing('gcc', 'strace', 'dash').test(
  'dash may still block all signals, as it does while it starts a command',
  () => {
    // The delay is so long that the command reads its state before dash unblocks the signals.
    const late = 'inject=rt_sigprocmask:delay_enter=500000'
    const shell = ['strace', '-o', '/dev/null', '-e', 'trace=rt_sigprocmask', '-e', late, 'dash', '-c']
    expect(expectNoDifference('RUN PROBE exit:0; true', shell).seen).toMatchObject({ complete: true })
  },
  TIMEOUT_MS,
)

withProbe.describe('in a terminal', () => {
  const scripts: Record<string, string> = {
    plain: 'RUN PROBE exit:0; true',
    'in a script': shellScript('bash', 'RUN PROBE exit:0; true'),
    'in the background of a bash script': shellScript('bash', 'RUN PROBE exit:3 & wait $!'),
    'in the background of a dash script': shellScript('dash', 'RUN PROBE exit:3 & wait $!'),
    'in an interactive shell': `echo 'RUN PROBE exit:0; exit' | bash --norc -i`,
    'in the background of an interactive shell': `echo 'RUN PROBE exit:3 & wait $!; exit' | bash --norc -i`,
    'with SIGTERM ignored': shellScript('bash', "trap '' TERM; RUN PROBE exit:0; true"),
    'with SIGINT ignored': shellScript('dash', "trap '' INT; RUN PROBE exit:0; true"),
    'with SIGPIPE ignored': shellScript('dash', "trap '' PIPE; RUN PROBE exit:0; true"),
    'with terminal settings': 'stty -echo -icanon; RUN PROBE exit:0; true',
  }
  for (const [title, script] of Object.entries(scripts)) {
    test(
      title,
      () => {
        const expected = bare(script, TERMINAL)
        const actual = underRun(script, TERMINAL)
        const { stdout: _, ...seen } = comparable(actual) as Record<string, unknown>
        const { stdout: __, ...wanted } = comparable(expected) as Record<string, unknown>
        expect(seen).toEqual(wanted)
        expect(seen).toMatchObject({ complete: true })
      },
      TIMEOUT_MS,
    )
  }
})

needing('gcc', 'python3').describe('under a Python program', () => {
  const python = (code: string) => `cat > p.py <<'END'
import ctypes, os, signal, subprocess, sys
command = "RUN PROBE exit:0".split()
${code}
END
python3 p.py; true`
  const scripts: Record<string, string> = {
    'by subprocess': python('subprocess.run(command)'),
    'by a shell of its own': python('subprocess.run(" ".join(command) + "; true", shell=True)'),
    'with its signals passed on to a shell': python('os.system(" ".join(command) + "; true")'),
    'with signals blocked': python(
      'subprocess.run(command, preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [1, 2, 10, 15, 17, 40]))',
    ),
    'with SIGINT and SIGUSR1 ignored': python(
      'subprocess.run(command, preexec_fn=lambda: [signal.signal(s, signal.SIG_IGN) for s in (2, 10)])',
    ),
    'with descriptors passed on': python(
      'fd = os.open("/dev/null", 0); subprocess.run(command, pass_fds=[fd])',
    ),
    'with an event descriptor passed on': python(`
fd = ctypes.CDLL(None).eventfd(0, 0); subprocess.run(command, pass_fds=[fd])`),
    'with standard input that does not block': python(`
a, b = os.pipe(); os.set_blocking(a, False); subprocess.run(command, stdin=a)`),
    'with repeated and odd variables': python(`
libc = ctypes.CDLL(None)
array = lambda items: (ctypes.c_char_p * (len(items) + 1))(*items, None)
store = b"CANHAZGPU_STORE=" + os.environb[b"CANHAZGPU_STORE"]
for s in (signal.SIGPIPE, signal.SIGXFSZ): signal.signal(s, signal.SIG_DFL)
libc.execve(command[0].encode(), array([c.encode() for c in command]),
  array([store, b"A=1", b"CUDA_VISIBLE_DEVICES=5", b"A=2", b"nothing", b"=odd", b"CUDA_VISIBLE_DEVICES=6", b"PATH="]))`),
  }
  for (const [title, script] of Object.entries(scripts)) {
    test(title, () => expect(expectNoDifference(script).seen).toMatchObject({ complete: true }), TIMEOUT_MS)
  }
})

withProbe.describe('the shell gets the same', () => {
  test('pid, which is the pid that it started', () => {
    const { seen, stdout } = underRun('RUN PROBE exit:0 & echo $! $$; wait', ['bash', '-c'])
    expect(stdout.trim()).toBe(`${seen?.pid} ${seen?.ppid}`)
  })

  test(
    'exit status, for every status',
    () => {
      const script = 'for code in $(seq 0 255); do RUN bash -c "exit $code"; echo $?; done'
      expect(expectNoDifference(script).stdout.split('\n')).toHaveLength(257)
    },
    2 * TIMEOUT_MS,
  )

  test(
    'signal, if the command dies of one',
    () => {
      expectNoDifference('for s in 1 2 3 6 7 8 9 11 13 14 15 24 25 34; do RUN PROBE signal:$s; echo $?; done')
    },
    TIMEOUT_MS,
  )

  test('end of a pipe that the reader closes', () => {
    expectNoDifference('RUN yes | head -1; echo $PIPESTATUS')
  })

  test('status of a command that is missing or not executable', () => {
    expectNoDifference(
      'touch plain; RUN nonesuch; echo $?; RUN ./plain; echo $?; RUN /; echo $?; RUN ""; echo $?',
    )
  })

  test('result of a script without a #! line', () => {
    expectNoDifference(`printf 'echo "$#" "$@"\\nexit 4' > s; chmod +x s; RUN ./s a 'b c'; echo $?`)
  })
})

withProbe.test('the command gets exactly these variables', () => {
  const { seen } = underRun('CUDA_VISIBLE_DEVICES=9 RUN PROBE exit:0; true', ['bash', '-c'])
  const entries = (seen?.environment ?? [])
    .map(text)
    .filter((entry) => VARIABLES.includes(entry.split('=')[0] ?? ''))
  expect(entries.sort()).toEqual([
    expect.stringMatching(/^CANHAZGPU_RESERVATION=\w+$/),
    'CUDA_DEVICE_ORDER=PCI_BUS_ID',
    expect.stringMatching(/^CUDA_VISIBLE_DEVICES=[0-3]$/),
    expect.stringMatching(/^NVIDIA_VISIBLE_DEVICES=[0-3]$/),
  ])
})
