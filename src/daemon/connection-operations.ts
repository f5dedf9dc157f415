import type { AdministrationAction } from '../app/remote/protocol.ts'
import { notAdministrator, unseenProcess } from '../domain/daemon-errors.ts'
import { verifiedIntent } from '../domain/operation/authorisation.ts'
import { isRefusal } from '../domain/operation/refusal.ts'
import type { Requester } from './requester.ts'
import { type Asked, type ClientOperation, isAdministrative } from './requests.ts'
import type { SessionParts } from './session-parts.ts'

export type OperationsParts = Pick<
  SessionParts,
  'connection' | 'mayAdminister' | 'isGone' | 'administrationFor'
>

/** Performs the operations that one connection requests, with the rights of its account. */
export class ConnectionOperations {
  readonly #parts: OperationsParts
  readonly #requester: Requester

  constructor(parts: OperationsParts, requester: Requester) {
    this.#parts = parts
    this.#requester = requester
  }

  /** Performs the operation if the account may. */
  async perform({ n, operation, caller }: Asked<'perform'>): Promise<unknown> {
    const { connection, mayAdminister, isGone } = this.#parts
    if (isAdministrative(operation) && !mayAdminister(connection.peer.uid)) throw notAdministrator()
    const service = await this.#requester.service({ n, caller })
    const verified = await this.#verifiedOperation(operation)
    // It was killed before its request was read.
    if (isGone(connection.peer.process)) throw unseenProcess()
    if (!('intent' in verified)) return service.perform(verified)
    const answer = await service.perform(verified)
    if (isRefusal(answer)) return answer
    if ('reservation' in answer) this.#requester.noteGrant(answer)
    else if ('grant' in answer) this.#requester.noteGrant(answer.grant)
    else if ('holdings' in answer) this.#requester.countRecords(answer)
    return answer
  }

  async #verifiedOperation(operation: ClientOperation): Promise<ClientOperation> {
    if (operation.op === 'book') {
      const { account } = await this.#requester.identity()
      await this.#requester.checkIsNew(operation.intent.id)
      return { ...operation, intent: verifiedIntent(operation.intent, account, null) }
    }
    return 'intent' in operation
      ? { ...operation, intent: await this.#requester.verified(operation.intent) }
      : operation
  }

  /** Performs an action of the administration if the account may. */
  async administer(action: AdministrationAction): Promise<unknown> {
    const { connection, mayAdminister, administrationFor } = this.#parts
    const { uid } = connection.peer
    // A check reads the whole database, and starts the programs of all drivers.
    if (action.name !== 'settings' && !mayAdminister(uid)) throw notAdministrator()
    const administration = administrationFor(await this.#requester.caller())
    switch (action.name) {
      case 'set-up':
        return administration.setUp(action.wanted)
      case 'check':
        return administration.check()
      case 'settings':
        return administration.settings()
      case 'set-policy':
        if (!mayAdminister(uid)) throw notAdministrator()
        return administration.setPolicy(action.change, action.reason)
    }
  }
}
