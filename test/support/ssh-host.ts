import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { binary } from './embedded.ts'
import { isRoot } from './needs.ts'
import type { TestNetwork } from './network.ts'
import type { TestPool } from './pool.ts'
import { kill, pidsWith } from './processes.ts'
import { ownName } from './unix-users.ts'

/** A host with an SSH server of its own: keys, port and settings. Its commands use the given pool. */
export interface SshHost extends Disposable {
  readonly name: string
  readonly pool: TestPool
  /** Adds a variable to the sessions that begin from now on. */
  setVariable(name: string, value: string): Promise<void>
  /** Processes of the SSH server that serve a connection. */
  sessions(): readonly number[]
  /** Where sessions find `canhazgpu`. */
  readonly programs: string
  /**
   * Until its disposal, sessions run this shell script in place of `canhazgpu`, which is `$REAL` there. `first` succeeds
   * once, for the first session.
   */
  replaceProgram(script: string): Disposable
  restart(): Promise<void>
  stop(): Promise<void>
}

/** Where the server and its clients are. */
type Place = Pick<TestNetwork, 'address' | 'onCaller' | 'onHost'>

const LOOPBACK: Place = { address: '127.0.0.1', onCaller: [], onHost: [] }

/** Starts an SSH server for the account of the tests. `caller` gets a client that knows the host by this name. */
export async function sshHost(
  name: string,
  pool: TestPool,
  caller: TestPool,
  place: Place = LOOPBACK,
): Promise<SshHost> {
  const folder = mkdtempSync(join(tmpdir(), 'canhazgpu-ssh-'))
  const programs = `${folder}/bin`
  mkdirSync(programs)
  symlinkSync(binary, `${programs}/canhazgpu`)
  // The server requires it of root.
  if (isRoot && !existsSync('/run/sshd')) mkdirSync('/run/sshd', { mode: 0o755 })
  for (const key of ['host', 'key']) {
    must('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', `${folder}/${key}`)
  }
  writeFileSync(`${folder}/authorized`, readFileSync(`${folder}/key.pub`))
  const variables: Record<string, string> = {
    PATH: `${programs}:/usr/local/bin:/usr/bin:/bin`,
    CANHAZGPU_STORE: pool.store,
    CANHAZGPU_TEST_HOST: folder,
  }
  let server = await startServer(folder, variables, place)
  const introduce = () => addHost(caller, { ...place, name, folder, port: server.port })
  introduce()
  const stop = async () => {
    server.process.kill('SIGKILL')
    await server.process.exited
  }
  const restart = async () => {
    await stop()
    server = await startServer(folder, variables, place)
    introduce()
  }
  return {
    ...{ name, pool, programs, stop, restart },
    setVariable: (variable, value) => {
      variables[variable] = value
      return restart()
    },
    sessions: () => sessionsOf(server.process.pid),
    replaceProgram: (script) => replaceProgram(programs, script),
    [Symbol.dispose]() {
      server.process.kill('SIGKILL')
      for (const pid of pidsWith(`CANHAZGPU_TEST_HOST=${folder}`)) kill(pid, 'SIGKILL')
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

function replaceProgram(programs: string, script: string): Disposable {
  const program = `${programs}/canhazgpu`
  rmSync(program)
  const lines = ['#!/bin/sh', `REAL=${binary}`, `first() { mkdir ${programs}/asked 2> /dev/null; }`, script]
  writeFileSync(program, `${lines.join('\n')}\n`, { mode: 0o755 })
  return {
    [Symbol.dispose]() {
      rmSync(`${programs}/asked`, { recursive: true, force: true })
      rmSync(program)
      symlinkSync(binary, program)
    },
  }
}

interface Server {
  readonly process: Bun.Subprocess
  readonly port: number
}

/** Another program may take the port in between, so there are several attempts. */
async function startServer(
  folder: string,
  variables: Readonly<Record<string, string>>,
  { address, onHost }: Place,
): Promise<Server> {
  const settings = Object.entries(variables).map(([name, value]) => `"${name}=${value}"`)
  for (let attempt = 0; attempt < 10; attempt++) {
    const port = freePort()
    const lines = [
      `Port ${port}`,
      `ListenAddress ${address}`,
      `HostKey ${folder}/host`,
      `AuthorizedKeysFile ${folder}/authorized`,
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'PidFile none',
      'MaxStartups 100',
      `SetEnv ${settings.join(' ')}`,
    ]
    writeFileSync(`${folder}/sshd_config`, `${lines.join('\n')}\n`)
    const server = Bun.spawn(
      [...onHost, Bun.which('sshd') ?? 'sshd', '-D', '-e', '-f', `${folder}/sshd_config`],
      {
        env: { PATH: '/usr/bin:/bin' },
        stdin: 'ignore',
        stdout: 'ignore',
        stderr: 'pipe',
      },
    )
    if (await isListening(server.stderr)) return { process: server, port }
    await server.exited
  }
  throw new Error('sshd does not start')
}

async function isListening(log: ReadableStream<Uint8Array>): Promise<boolean> {
  const reader = log.getReader()
  let text = ''
  for (;;) {
    const { value, done } = await reader.read()
    if (done) {
      if (text.includes('Address already in use')) return false
      throw new Error(`sshd: ${text}`)
    }
    text += new TextDecoder().decode(value)
    if (text.includes('Server listening')) break
  }
  // Nobody may block the server.
  void (async () => {
    while (!(await reader.read()).done);
  })()
  return true
}

function freePort(): number {
  const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  const { port } = listener
  listener.stop(true)
  return port
}

interface Introduced extends Place {
  readonly name: string
  readonly folder: string
  readonly port: number
}

/** `ssh` finds the settings of an account by its home folder, so a stand-in names those of the test. */
function addHost(caller: TestPool, { name, folder, port, address, onCaller }: Introduced) {
  const ssh = `${caller.folder}/ssh`
  mkdirSync(ssh, { recursive: true })
  writeFileSync(`${ssh}/known-${name}`, `[${address}]:${port} ${readFileSync(`${folder}/host.pub`, 'utf8')}`)
  writeFileSync(
    `${ssh}/config-${name}`,
    `Host ${name}
  HostName ${address}
  Port ${port}
  User ${ownName()}
  IdentityFile ${folder}/key
  IdentitiesOnly yes
  UserKnownHostsFile ${ssh}/known-${name}
  StrictHostKeyChecking yes
`,
  )
  writeFileSync(`${ssh}/config`, `Include ${ssh}/config-*\n`)
  if (!existsSync(`${ssh}/ssh`)) {
    writeFileSync(
      `${ssh}/ssh`,
      `#!/bin/sh\nexec ${[...onCaller, Bun.which('ssh')].join(' ')} -F ${ssh}/config "$@"\n`,
    )
    chmodSync(`${ssh}/ssh`, 0o755)
    caller.env.PATH = `${ssh}:${caller.env.PATH}`
  }
  const known = (caller.env.CANHAZGPU_REMOTE_HOSTS ?? '').split(',').filter((each) => each !== '')
  caller.env.CANHAZGPU_REMOTE_HOSTS = [...new Set([...known, name])].join(',')
}

/** An ordinary user has two for each connection, root one. */
function sessionsOf(server: number): number[] {
  const { stdout } = Bun.spawnSync(['ps', '-eo', 'pid=,ppid=,comm='])
  const processes = stdout
    .toString()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , name = '']) => name.startsWith('sshd'))
  const below = (parent: number): number[] =>
    processes
      .filter(([, ppid]) => Number(ppid) === parent)
      .flatMap(([pid]) => [Number(pid), ...below(Number(pid))])
  return below(server)
}

function must(...argv: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(argv, { stdin: 'ignore' })
  if (exitCode !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`)
}
