import { RedisClient } from 'bun'
import { CanhazgpuError } from '../../domain/errors.ts'
import { type OriginalPool, originalGpuCount, readOriginal } from '../../domain/original/original-pool.ts'
import type { Millis } from '../../domain/pool/model.ts'
import type { OnPart } from '../../ports/progress.ts'

const PREFIX = 'canhazgpu:'
const HISTORY = `${PREFIX}usage_history_sorted`

/** Time for one answer of the server. */
const ANSWER_MS: Millis = 10_000

/** Several years of a busy machine. More would not fit into memory at once. */
const MOST_RECORDS = 1_000_000
const PAGE = 5_000

/**
 * Reads the pool of an original canhazgpu from its Redis server. Throws `usage` if there is none or it cannot be
 * understood, `failure` if the server does not answer.
 */
export async function readOriginalPool(url: URL, onPart: OnPart): Promise<OriginalPool> {
  const client = new RedisClient(url.href, {
    ...{ autoReconnect: false, enableOfflineQueue: false, connectionTimeout: ANSWER_MS },
  })
  const ask = <Answer>(question: Promise<Answer>) => answered(question, url)
  try {
    await ask(client.connect())
    const count = originalGpuCount(await ask(client.get(`${PREFIX}gpu_count`)))
    const keys = Array.from({ length: count }, (_, gpu) => `${PREFIX}gpu:${gpu}`)
    return readOriginal({
      provider: await ask(client.get(`${PREFIX}provider`)),
      gpus: await ask(client.mget(...keys)),
      waiting: await ask(client.zcard(`${PREFIX}queue`)),
      history: await historyIn(client, ask, onPart),
    })
  } finally {
    client.close()
  }
}

type Ask = <Answer>(question: Promise<Answer>) => Promise<Answer>

async function historyIn(client: RedisClient, ask: Ask, onPart: OnPart): Promise<readonly string[]> {
  const length = await ask(client.zcard(HISTORY))
  const records: string[] = []
  for (;;) {
    const page = await ask(client.zrange(HISTORY, records.length, records.length + PAGE - 1))
    records.push(...page)
    onPart(Math.min(1, records.length / Math.max(1, length)))
    if (page.length < PAGE) return records
    if (records.length >= MOST_RECORDS) {
      throw new CanhazgpuError('failure', `More than ${MOST_RECORDS} usage records in ${HISTORY}`, {
        hint: `remove the oldest ones: ZREMRANGEBYRANK ${HISTORY} 0 N`,
      })
    }
  }
}

async function answered<Answer>(question: Promise<Answer>, url: URL): Promise<Answer> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`no answer in ${ANSWER_MS / 1_000} s`)), ANSWER_MS)
  try {
    return await Promise.race([question, late.promise])
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new CanhazgpuError('failure', `Cannot read from Redis at ${url.host}: ${why}`, {
      hint: `check it with 'redis-cli -u ${url.href} ping'`,
      cause: error,
    })
  } finally {
    clearTimeout(timer)
  }
}
