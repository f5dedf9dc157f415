import { groupsOfAccounts } from '../adapters/accounts/account-groups.ts'
import { SubordinateUids } from '../adapters/accounts/subordinate-uids.ts'
import { userNames } from '../adapters/accounts/users.ts'
import type { Identity } from '../daemon/caller.ts'
import { unnamed } from '../domain/ledger/shown-names.ts'
import type { Account, GpuProcess, Probe } from '../domain/pool/model.ts'
import type { Credentials } from '../ports/daemon-listener.ts'

/** The accounts of a machine where processes of rootless containers have subordinate uids. */
export class DaemonAccounts {
  readonly #subordinates = new SubordinateUids()
  /** Whether it matters which groups an account has. */
  readonly #usesGroups: () => boolean

  constructor(usesGroups: () => boolean) {
    this.#usesGroups = usesGroups
  }

  /**
   * Who acts: the account of the peer, or the owner of its subordinate uid. A process of a rootless container drops the
   * groups of its account, or has others, so those of the user database count too.
   */
  async identify({ uid, groups }: Credentials): Promise<Identity> {
    const owner = await this.#ownerOf(uid)
    const account = await named(owner ?? uid)
    const own = owner === undefined ? groups : []
    if (!this.#usesGroups()) return { account, groups: own }
    const listed = (await groupsOfAccounts([account.uid])).get(account.uid) ?? []
    return { account, groups: [...new Set([...own, ...listed])] }
  }

  /** The probe with the accounts of processes as `identify` finds them. */
  async attribute(probe: Probe): Promise<Probe> {
    const readings = probe.readings.map(async (gpu) => {
      if (gpu.state.kind === 'fault') return gpu
      const processes = await Promise.all(gpu.state.processes.map((process) => this.#attributed(process)))
      return { ...gpu, state: { ...gpu.state, processes } }
    })
    return { ...probe, readings: await Promise.all(readings) }
  }

  async #attributed(process: GpuProcess): Promise<GpuProcess> {
    const owner = process.uid === undefined ? undefined : await this.#ownerOf(process.uid)
    if (owner === undefined) return process
    const { uid, name } = await named(owner)
    return { ...process, uid, user: name }
  }

  /** An account of the name service may have a uid that is in the range of another account by mistake. */
  async #ownerOf(uid: number): Promise<number | undefined> {
    const owner = this.#subordinates.ownerOf(uid)
    return owner === undefined || (await named(uid)).name !== unnamed(uid) ? undefined : owner
  }
}

async function named(uid: number): Promise<Account> {
  return { uid, name: (await userNames([uid])).get(uid) ?? unnamed(uid) }
}
