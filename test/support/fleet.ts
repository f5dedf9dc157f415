import { afterAll, beforeAll, beforeEach } from 'bun:test'
import { storedPool } from './database.ts'
import { untilAllFree } from './job.ts'
import type { TestNetwork } from './network.ts'
import { type Child, type TestPool, testPool } from './pool.ts'
import { type SshHost, sshHost } from './ssh-host.ts'
import { until } from './until.ts'

/** A caller without GPUs, and hosts that it reaches by SSH. */
export interface TestFleet extends Disposable {
  readonly caller: TestPool
  readonly hosts: readonly SshHost[]
  /** The first host. */
  readonly host: SshHost
  /** The second host. Throws if there is none. */
  readonly other: SshHost
}

/** For a `describe`: one fleet for all of its tests. Before each test all GPUs are free. */
export function sharedFleet(...gpus: readonly number[]): Omit<TestFleet, typeof Symbol.dispose> {
  let fleet: TestFleet | undefined
  beforeAll(async () => {
    fleet = await testFleet(...gpus)
  })
  afterAll(() => fleet?.[Symbol.dispose]())
  beforeEach(async () => {
    for (const { pool } of shared().hosts) {
      await pool.chg('release')
      await untilAllFree(pool)
    }
  })
  const shared = (): TestFleet => {
    if (fleet === undefined) throw new Error('the fleet exists only during the tests')
    return fleet
  }
  return {
    get caller() {
      return shared().caller
    },
    get hosts() {
      return shared().hosts
    },
    get host() {
      return shared().host
    },
    get other() {
      return shared().other
    },
  }
}

/** A caller that waits in the queue of the first host, whose GPU it reserves before. */
export async function waitingCaller(
  { caller, host: { pool } }: Pick<TestFleet, 'caller' | 'host'>,
  ...command: readonly string[]
): Promise<Child> {
  await pool.chg('reserve')
  const waiting = caller.start('run', '--host', 'gpu1', '--wait', '--', ...command)
  await until('it waits', () => storedPool(pool).queue.length === 1)
  return waiting
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
  const [host, other] = hosts
  if (host === undefined) throw new Error('a fleet has a host')
  return {
    ...{ caller, hosts, host },
    get other() {
      if (other === undefined) throw new Error('there is only one host')
      return other
    },
    [Symbol.dispose]() {
      caller[Symbol.dispose]()
      for (const each of hosts) {
        each[Symbol.dispose]()
        each.pool[Symbol.dispose]()
      }
    },
  }
}
