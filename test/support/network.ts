import { readlinkSync } from 'node:fs'
import { until } from './until.ts'

/**
 * A network of its own with three machines: a caller, a host, and a router between them. Each is a network namespace,
 * so nothing outside changes.
 */
export interface TestNetwork extends Disposable {
  /** The address of the host. */
  readonly address: string
  /** Words before a command line that runs it on this machine. */
  readonly onCaller: readonly string[]
  readonly onHost: readonly string[]
  /** The router drops all packets from now on, and tells nobody. */
  cut(): void
  /** It drops only those that this machine sends. */
  cutFrom(sender: 'caller' | 'host'): void
  /** The cable of the host is pulled out. */
  unplug(): void
  /** Undoes all of these. */
  mend(): void
}

const CALLER = '192.0.2.2'
const HOST = '198.51.100.2'
const ROUTER = { caller: '192.0.2.1', host: '198.51.100.1' } as const

interface NetworkOptions {
  /** How often TCP sends bytes again before it gives a connection up. By default it tries for 15 minutes. */
  readonly attempts?: number
}

export async function testNetwork({ attempts }: NetworkOptions = {}): Promise<TestNetwork> {
  const [caller, router, host] = [await machine(), await machine(), await machine()]
  for (const [each, name, address] of [
    [caller, 'caller', CALLER],
    [host, 'host', HOST],
  ] as const) {
    run(router, 'ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(each.pid))
    run(router, 'ip', 'address', 'add', `${ROUTER[name]}/24`, 'dev', name)
    run(router, 'ip', 'link', 'set', name, 'up')
    run(each, 'ip', 'address', 'add', `${address}/24`, 'dev', 'eth0')
    for (const device of ['lo', 'eth0']) run(each, 'ip', 'link', 'set', device, 'up')
    run(each, 'ip', 'route', 'add', 'default', 'via', ROUTER[name])
    if (attempts !== undefined) set(each, 'tcp_retries2', attempts)
  }
  const forward = (sender: 'caller' | 'host', does: boolean) =>
    set(router, `conf/${sender}/forwarding`, does ? 1 : 0)
  const forwardBoth = (does: boolean) => {
    for (const sender of ['caller', 'host'] as const) forward(sender, does)
  }
  forwardBoth(true)
  return {
    ...{ address: HOST, onCaller: caller.enter, onHost: host.enter },
    cut: () => forwardBoth(false),
    cutFrom: (sender) => forward(sender, false),
    unplug: () => run(router, 'ip', 'link', 'set', 'host', 'down'),
    mend: () => {
      run(router, 'ip', 'link', 'set', 'host', 'up')
      forwardBoth(true)
    },
    [Symbol.dispose]() {
      for (const each of [caller, router, host]) each.process.kill('SIGKILL')
    },
  }
}

export interface Machine {
  readonly process: Bun.Subprocess
  readonly pid: number
  readonly enter: readonly string[]
}

/** The namespace exists as long as its process. */
export async function machine(): Promise<Machine> {
  const process = Bun.spawn(['unshare', '--net', 'sleep', 'infinity'], { stdin: 'ignore', stdout: 'ignore' })
  const { pid } = process
  const ours = readlinkSync('/proc/self/ns/net')
  await until('the namespace exists', () => readlinkSync(`/proc/${pid}/ns/net`) !== ours)
  return { process, pid, enter: ['nsenter', `--net=/proc/${pid}/ns/net`] }
}

const set = (where: Machine, setting: string, value: number) =>
  run(where, 'sh', '-c', `echo ${value} > /proc/sys/net/ipv4/${setting}`)

export function run({ enter }: Machine, ...command: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync([...enter, ...command], { stdin: 'ignore' })
  if (exitCode !== 0) throw new Error(`${command.join(' ')}: ${stderr}`)
}
