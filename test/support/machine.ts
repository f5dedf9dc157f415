import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { binary, type Child, type Finished, finished, type TestPool, testPool } from './pool.ts'
import { kill, pidsWith } from './processes.ts'
import type { UnixUser } from './unix-users.ts'

/**
 * A mount namespace with its own `/etc`, `/run` and `/var/lib`, and an installed program. With systemd there is a
 * stand-in for `systemctl` that starts the command of the unit.
 */
export interface Machine extends Disposable {
  readonly folder: string
  /** The installed program. */
  readonly program: string
  /** The processes that were started in it. */
  pids(): readonly number[]
  /** Runs a shell script as root in the machine, with `canhazgpu` in PATH. */
  sh(script: string): Promise<Finished>
  /** Runs a shell script as this user. */
  shAs(user: UnixUser, script: string): Promise<Finished>
  start(script: string, user?: UnixUser): Child
  /** The stdout of a script that must succeed. */
  must(script: string, user?: UnixUser): Promise<string>
}

const SYSTEMCTL = `#!/bin/sh
unit=/etc/systemd/system/canhazgpu.service
stop() {
  [ -f /run/daemon.pid ] || return 0
  pid=$(cat /run/daemon.pid)
  kill $pid 2>/dev/null
  while [ "$(cut -d' ' -f3 /proc/$pid/stat 2>/dev/null | tr -d Z)" ]; do sleep 0.02; done
  rm -f /run/daemon.pid
}
case "$1" in
restart)
  stop
  setsid sh -c 'echo $$ > /run/daemon.pid; exec "$@"' sh $(sed -n 's/^ExecStart=//p' $unit) </dev/null >/run/log 2>&1 &
  ;;
disable) stop ;;
esac
`

export async function machine({ systemd }: { readonly systemd: boolean }): Promise<Machine> {
  const pool = await testPool(0)
  const { folder, env } = pool
  chmodSync(folder, 0o755)
  for (const name of ['bin', 'etc']) mkdirSync(`${folder}/${name}`)
  const program = `${folder}/bin/canhazgpu`
  copyFileSync(binary, program)
  chmodSync(program, 0o755)
  if (systemd) writeFileSync(`${folder}/bin/systemctl`, SYSTEMCTL, { mode: 0o755 })
  delete env.CANHAZGPU_STORE
  const mark = `TEST_MACHINE=${folder}`
  Object.assign(env, { TEST_MACHINE: folder, PATH: `${folder}/bin:${env.PATH}` })
  // Other tests change accounts meanwhile, so a temporary file of /etc may be gone before it is copied.
  const mounts = `set -e; mount -t tmpfs -o mode=755 none /var/lib; mount -t tmpfs -o mode=755 none ${folder}/etc
    cp -a /etc/. ${folder}/etc || :; mount --bind ${folder}/etc /etc; mount -t tmpfs -o mode=755 none /run
    ${systemd ? 'mkdir -p /run/systemd/system /etc/systemd/system' : ':'}; echo ready; exec sleep infinity`
  const holder = spawned(['unshare', '-m', 'sh', '-c', mounts], pool)
  const ready = await holder.stdout.getReader().read()
  if (ready.done) throw new Error(await new Response(holder.stderr).text())
  const start = (script: string, user?: UnixUser): Child => {
    const account =
      user === undefined ? [] : ['setpriv', `--reuid=${user.uid}`, `--regid=${user.uid}`, '--clear-groups']
    return spawned(['nsenter', '-m', '-t', String(holder.pid), ...account, 'sh', '-c', script], pool)
  }
  const sh = (script: string, user?: UnixUser) => finished(start(script, user))
  return {
    ...{ folder, program, start, sh },
    pids: () => pidsWith(mark),
    shAs: (user, script) => sh(script, user),
    async must(script, user) {
      const { status, stdout, stderr } = await sh(script, user)
      if (status !== 0) throw new Error(`${script}: ${status} ${stderr}`)
      return stdout
    },
    [Symbol.dispose]() {
      for (const pid of pidsWith(mark)) kill(pid, 'SIGKILL')
      pool[Symbol.dispose]()
    },
  }
}

const spawned = (argv: string[], { env, folder }: TestPool): Child =>
  Bun.spawn(argv, { env, cwd: folder, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
