import { RedisClient } from 'bun'
import { CanhazgpuError } from '../../domain/errors.ts'
import { type OriginalPool, originalGpuCount, readOriginal } from '../../domain/original/original-pool.ts'
import type { Millis } from '../../domain/pool/model.ts'
import type { OnPart } from '../../ports/progress.ts'

const PREFIX = 'canhazgpu:'
const QUEUE = `${PREFIX}queue`
const HISTORY = `${PREFIX}usage_history_sorted`
/** The first versions written in Go stored each record under a key of its own, and later ones left it there. */
const FIRST_HISTORY = `${PREFIX}usage_history:`

/** Time for one answer of the server. */
const ANSWER_MS: Millis = 10_000

/** Several years of a busy machine. More would not fit into memory at once. */
const MOST_RECORDS = 1_000_000
const PAGE = 5_000
/** More processes do not wait on one machine. */
const MOST_WAITING = 10_000

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
      queue: await queueIn(client, ask),
      history: [
        ...new Set([...(await historyIn(client, ask, onPart)), ...(await firstHistoryIn(client, ask))]),
      ],
    })
  } finally {
    client.close()
  }
}

type Ask = <Answer>(question: Promise<Answer>) => Promise<Answer>

async function queueIn(client: RedisClient, ask: Ask): Promise<readonly (string | null)[]> {
  const ids = await ask(client.zrange(QUEUE, 0, MOST_WAITING - 1))
  return ids.length === 0 ? [] : ask(client.mget(...ids.map((id) => `${QUEUE}:entry:${id}`)))
}

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

async function firstHistoryIn(client: RedisClient, ask: Ask): Promise<readonly string[]> {
  const records: string[] = []
  let cursor = '0'
  do {
    const [next, keys] = await ask(client.scan(cursor, 'MATCH', `${FIRST_HISTORY}*`, 'COUNT', PAGE))
    if (keys.length > 0) {
      for (const record of await ask(client.mget(...keys))) if (record !== null) records.push(record)
    }
    if (records.length >= MOST_RECORDS) {
      throw new CanhazgpuError('failure', `More than ${MOST_RECORDS} usage records in ${FIRST_HISTORY}*`)
    }
    cursor = next
  } while (cursor !== '0')
  return records
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
