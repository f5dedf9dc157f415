import { strangeBoard } from '../../domain/fleet/fleet-errors.ts'
import { type HostName, isHostName } from '../../domain/fleet/host-name.ts'
import { MOST_SNAPSHOT_CHARACTERS, type SnapshotPart } from '../../domain/fleet/snapshot.ts'
import {
  type Board,
  KEPT_FOR_MS,
  type Notice,
  ORDERED_FOR_MS,
  type PostAnswer,
  type Posted,
} from '../../ports/board.ts'
import type { BoardConnection } from './connection.ts'

/** The names of all hosts, with the times of their notices. */
const HOSTS = 'canhazgpu:hosts'
/** The notice of one host. A rule of the server can let each host write only its own. */
const keyOf = (host: HostName): string => `canhazgpu:host:${host}`

/** More hosts are not shown: each costs time and memory of the reader. */
const MOST_HOSTS = 5_000
/** The number of hosts that are read at once. The server does nothing else meanwhile. */
const HOSTS_AT_ONCE = 100
/** The board is not read further than this. */
const MOST_CHARACTERS = 64 * 1024 * 1024

/** A key of another type is replaced, so that nothing that was planted there keeps a host from publishing. */
const POST = `
local function own(key, kind)
  local found = redis.call('TYPE', key)['ok']
  if found ~= kind and found ~= 'none' then redis.call('DEL', key) end
end
own(KEYS[1], 'zset')
own(KEYS[2], 'hash')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local host, epoch, committed, read, ordered, kept = unpack(ARGV, 1, 6)
local known = redis.call('HMGET', KEYS[2], 'epoch', 'committed', 'read', 'received')
local committed_then, read_then, received = tonumber(known[2] or ''), tonumber(known[3] or ''), tonumber(known[4] or '')
local recent = received and math.abs(now - received) < tonumber(ordered)
if recent and known[1] == epoch and committed_then and read_then then
  local is_later = committed_then > tonumber(committed)
  if is_later or (committed_then == tonumber(committed) and read_then > tonumber(read)) then return 'older' end
end
redis.call('HSET', KEYS[2], 'epoch', epoch, 'committed', committed, 'read', read,
  'received', string.format('%.0f', now), unpack(ARGV, 7))
redis.call('PEXPIRE', KEYS[2], kept)
redis.call('ZADD', KEYS[1], now, host)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(kept))
if recent and known[1] and known[1] ~= epoch then return 'foreign' end
return known[1] and 'replaced' or 'new'
`

/** Long names and texts stay on the server. */
const NAMES = `
local names = {}
for _, name in ipairs(redis.call('ZREVRANGE', KEYS[1], 0, ARGV[1] - 1)) do
  if #name < 256 then names[#names + 1] = name end
end
return names
`

const READ = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local answers = {}
for i, key in ipairs(KEYS) do
  local received, text = false, false
  if redis.call('TYPE', key)['ok'] == 'hash' then
    if redis.call('HSTRLEN', key, 'received') < 20 then received = redis.call('HGET', key, 'received') end
    if redis.call('HSTRLEN', key, ARGV[1]) <= tonumber(ARGV[2]) then text = redis.call('HGET', key, ARGV[1]) end
  end
  received = tonumber(received or '')
  if received then answers[i] = { math.max(0, now - received), text } else answers[i] = false end
end
return answers
`

const ANSWERS: readonly unknown[] = ['new', 'replaced', 'older', 'foreign'] satisfies readonly PostAnswer[]
/** The server itself may be anybody's. */
const isShort = (text: unknown): text is string =>
  typeof text === 'string' && text.length <= MOST_SNAPSHOT_CHARACTERS

const isPostAnswer = (value: unknown): value is PostAnswer => ANSWERS.includes(value)

/** The board in Redis (5 or newer) or Valkey. */
export class RedisBoard implements Board {
  readonly #connection: BoardConnection

  constructor(connection: BoardConnection) {
    this.#connection = connection
  }

  async post({ host, revision, parts }: Notice): Promise<PostAnswer> {
    const { epoch, committedAt, readAt } = revision
    const order = [epoch, String(committedAt), String(readAt)]
    const limits = [String(ORDERED_FOR_MS), String(KEPT_FOR_MS)]
    const fields = Object.entries(parts).flat()
    const answer = await this.#run(POST, [HOSTS, keyOf(host)], [host, ...order, ...limits, ...fields])
    if (!isPostAnswer(answer)) throw strangeBoard()
    return answer
  }

  async read(part: SnapshotPart, host?: string): Promise<readonly Posted[]> {
    const names = host === undefined ? await this.#names() : [host].filter(isHostName)
    const posted: Posted[] = []
    let characters = 0
    for (let at = 0; at < names.length && characters < MOST_CHARACTERS; at += HOSTS_AT_ONCE) {
      for (const each of await this.#readSome(part, names.slice(at, at + HOSTS_AT_ONCE))) {
        posted.push(each)
        characters += each.text?.length ?? 0
      }
    }
    return posted
  }

  async #names(): Promise<readonly HostName[]> {
    const names = await this.#run(NAMES, [HOSTS], [String(MOST_HOSTS)])
    if (!Array.isArray(names)) throw strangeBoard()
    return names.slice(0, MOST_HOSTS).filter(isHostName).sort()
  }

  async #readSome(part: SnapshotPart, names: readonly HostName[]): Promise<readonly Posted[]> {
    const answers = await this.#run(READ, names.map(keyOf), [part, String(MOST_SNAPSHOT_CHARACTERS)])
    if (!Array.isArray(answers)) throw strangeBoard()
    return names.flatMap((host, at) => {
      const answer: unknown = answers[at]
      if (!Array.isArray(answer)) return []
      const [age, text]: readonly unknown[] = answer
      // Anybody can write a time that makes no sense. No notice is kept longer.
      if (typeof age !== 'number' || !(age >= 0 && age <= KEPT_FOR_MS)) return []
      return [{ host, age, text: isShort(text) ? text : undefined }]
    })
  }

  #run(script: string, keys: readonly string[], words: readonly string[]): Promise<unknown> {
    return this.#connection.send('EVAL', [script, String(keys.length), ...keys, ...words])
  }

  close(): void {
    this.#connection.close()
  }
}
