import type { TestNetwork } from './network.ts'
import { type TestPool, testPool } from './pool.ts'
import { type SshHost, sshHost } from './ssh-host.ts'

/** A caller without GPUs, and hosts that it reaches by SSH. */
export interface TestFleet extends Disposable {
  readonly caller: TestPool
  readonly hosts: readonly SshHost[]
  /** The first host. */
  readonly host: SshHost
}

/** One host for each number of GPUs: `gpu1`, `gpu2` … */
export const testFleet = (...gpus: readonly number[]): Promise<TestFleet> => fleetIn(undefined, gpus)

/** One host, `gpu1`, on the other side of a network. */
export const networkFleet = (network: TestNetwork): Promise<TestFleet> => fleetIn(network, [1])

async function fleetIn(network: TestNetwork | undefined, gpus: readonly number[]): Promise<TestFleet> {
  const caller = await testPool(0)
  const hosts: SshHost[] = []
  for (const [at, count] of gpus.entries()) {
    hosts.push(await sshHost(`gpu${at + 1}`, await testPool(count), caller, network))
  }
  const [host] = hosts
  if (host === undefined) throw new Error('a fleet has a host')
  return {
    ...{ caller, hosts, host },
    [Symbol.dispose]() {
      caller[Symbol.dispose]()
      for (const each of hosts) {
        each[Symbol.dispose]()
        each.pool[Symbol.dispose]()
      }
    },
  }
}
