import { type Machine, machine, run } from './network.ts'

/** A network of namespaces: a board, and hosts that each have a cable to it and no other way. */
export interface Network extends Disposable {
  /** Words before a command that start it on the machine of the board. */
  readonly board: readonly string[]
  host(): Promise<Cable>
}

export interface Cable {
  /** Words before a command that start it on this host. */
  readonly within: readonly string[]
  /** The address of the board. */
  readonly board: string
  pull(): void
  plug(): void
  /** This share of the packets vanishes, in both directions, and nobody is told. */
  lose(percent: number): void
}

export async function boardNetwork(): Promise<Network> {
  const board = await machine()
  const hosts: Machine[] = []
  const shell = (where: Machine, script: string) => run(where, 'sh', '-c', script)
  return {
    board: board.enter,
    async host() {
      const host = await machine()
      const n = hosts.push(host)
      // Addresses for documentation (RFC 5737).
      const [there, here] = [`192.0.2.${4 * n + 1}`, `192.0.2.${4 * n + 2}`]
      shell(board, `ip link add to${n} type veth peer name cable netns ${host.pid}`)
      shell(board, `ip address add ${there}/30 dev to${n} && ip link set to${n} up`)
      shell(host, `ip address add ${here}/30 dev cable && ip link set cable up && ip link set lo up`)
      const loseAt = (where: Machine, device: string, which: string) => {
        shell(where, `nft add table inet ${device} && nft flush table inet ${device}`)
        shell(where, `nft add chain inet ${device} in '{ type filter hook input priority 0; }'`)
        shell(where, `nft add rule inet ${device} in iifname ${device} ${which} drop`)
      }
      return {
        ...{ within: host.enter, board: there },
        pull: () => shell(board, `ip link set to${n} down`),
        plug: () => shell(board, `ip link set to${n} up`),
        lose(percent) {
          const which = percent === 100 ? '' : `numgen random mod 100 '<' ${percent}`
          loseAt(host, 'cable', which)
          loseAt(board, `to${n}`, which)
        },
      }
    },
    [Symbol.dispose]() {
      for (const each of [board, ...hosts]) each.process.kill('SIGKILL')
    },
  }
}
