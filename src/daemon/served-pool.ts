import type { CallerSettings } from '../app/remote/protocol.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import type {
  Operation,
  Answers as OperationAnswers,
  PoolOperationName,
} from '../domain/operation/operation.ts'
import type { Refusal } from '../domain/operation/refusal.ts'
import type { Warn } from '../domain/warnings.ts'
import type { PoolService, Views } from '../ports/pool-service.ts'
import type { Answers } from './answers.ts'
import { ConnectionOperations } from './connection-operations.ts'
import { Requester } from './requester.ts'
import { requestIn } from './requests.ts'
import type { SessionParts } from './session-parts.ts'

/** The pool for a command that the daemon performs for its client: with the same checks as if the client had asked. */
export class ServedPool implements PoolService {
  readonly #parts: SessionParts
  readonly #answers: Answers
  readonly #caller: CallerSettings
  readonly #requester: Requester

  constructor(parts: SessionParts, answers: Answers, caller: CallerSettings, warn: Warn) {
    this.#parts = parts
    this.#answers = answers
    this.#caller = caller
    this.#requester = new Requester(parts, {
      get isOpen() {
        return answers.isOpen
      },
      send(_, message) {
        if ('warning' in message) warn(message.warning)
      },
    })
  }

  async perform<Name extends PoolOperationName>(
    operation: Operation<Name>,
  ): Promise<OperationAnswers[Name] | Refusal> {
    const request = requestIn(JSON.stringify({ n: 0, ask: 'perform', operation, caller: this.#caller }))
    if (request?.ask !== 'perform') throw new Error(`a client may not ask for ${operation.op}`)
    const operations = new ConnectionOperations(this.#parts, this.#requester)
    return (await this.#withErrors(operations.perform(request))) as OperationAnswers[Name] | Refusal
  }

  async view<Name extends keyof Views>(view: Name): Promise<Views[Name]> {
    // The queue is shown in turns of its own.
    if (view === 'queue') throw new Error('no served command shows the queue')
    const service = await this.#requester.service({ n: 0, caller: this.#caller })
    return this.#withErrors(service.view(view))
  }

  usage(): never {
    throw new Error('no served command asks for usage')
  }

  events(): never {
    throw new Error('no served command waits for changes')
  }

  bounded(): PoolService {
    return this
  }

  close(): void {}

  /** With the errors that the client would get. */
  async #withErrors<Value>(asked: Promise<Value>): Promise<Value> {
    try {
      return await asked
    } catch (error) {
      throw error instanceof CanhazgpuError ? this.#answers.errorFor(error) : error
    }
  }
}
