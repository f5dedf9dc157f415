import { MOST_CLOCK_DIFFERENCE_MS } from '../../domain/fleet/board-clock.ts'
import { strangeBoard } from '../../domain/fleet/fleet-errors.ts'
import { type HostName, isHostName } from '../../domain/fleet/host-name.ts'
import {
  MOST_SNAPSHOT_CHARACTERS,
  readRevision,
  revisionText,
  SNAPSHOT_PARTS,
  type SnapshotPart,
} from '../../domain/fleet/snapshot.ts'
import type { Millis } from '../../domain/pool/model.ts'
import {
  type Board,
  KEPT_FOR_MS,
  MOST_READ_CHARACTERS,
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

/** Of those that published last. Each costs time and memory of the reader. */
const MOST_HOSTS = 5_000
/** Further hosts are only named, and those beyond this not even that. */
const MOST_NAMES = 10_000
/** The number of hosts that are read at once. The server does nothing else meanwhile. */
const HOSTS_AT_ONCE = 100
/** The whole board is read within this time, or not at all. */
const READ_WITHIN_MS: Millis = 5_000

/**
 * Members of `HOSTS` that no host can have as its name: the time of the last notice, as the clock showed it and as it
 * counts (`BoardTime`), and when the board was empty.
 */
const [SHOWN, COUNTED, EMPTY] = ['@shown', '@counted', '@empty']

/**
 * `shown`: what the clock of the server shows; `last_shown` and `last_counted` are those of the last notice, or nil. An
 * account that may not read them, or a key of another type, is as a board without them.
 */
const CLOCK = `
local time = redis.call('TIME')
local shown = time[1] * 1000 + math.floor(time[2] / 1000)
local function score(member)
  local found = redis.pcall('ZSCORE', KEYS[1], member)
  if type(found) == 'string' then return tonumber(found) end
end
local last_shown, last_counted = score('${SHOWN}'), score('${COUNTED}')
local function possible(time) return time and math.abs(shown - time) < ${MOST_CLOCK_DIFFERENCE_MS} end
if not possible(last_shown) or not possible(last_counted) then last_shown, last_counted = shown, shown end
`

/** A key of another type is replaced, so that nothing that was planted there keeps a host from publishing. */
const POST = `
local function own(key, kind)
  local found = redis.call('TYPE', key)['ok']
  if found ~= kind and found ~= 'none' then redis.call('DEL', key) end
  return found == kind
end
local is_empty = not own(KEYS[1], 'zset')
own(KEYS[2], 'hash')
${CLOCK}
local now = last_counted + math.max(0, shown - last_shown)
local host, epoch, committed, read, ordered, kept, usage_of = unpack(ARGV, 1, 7)
local known = redis.call('HMGET', KEYS[2], 'epoch', 'committed', 'read', 'received', 'usage@')
local committed_then, read_then, received = tonumber(known[2] or ''), tonumber(known[3] or ''), tonumber(known[4] or '')
local recent = received and math.abs(now - received) < tonumber(ordered)
if recent and known[1] == epoch and committed_then and read_then then
  local is_later = committed_then > tonumber(committed)
  if is_later or (committed_then == tonumber(committed) and read_then >= tonumber(read)) then return 'older' end
end
redis.call('HSET', KEYS[2], 'epoch', epoch, 'committed', committed, 'read', read,
  'received', string.format('%.0f', now), unpack(ARGV, 8))
redis.call('PEXPIRE', KEYS[2], kept)
redis.call('ZADD', KEYS[1], now, host, now, '${COUNTED}', shown, '${SHOWN}')
if is_empty then redis.call('ZADD', KEYS[1], now, '${EMPTY}') end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(kept))
if recent and known[1] and known[1] ~= epoch then return 'foreign' end
for _, part in ipairs({ ${SNAPSHOT_PARTS.map((part) => `'${part}'`).join(', ')} }) do
  if redis.call('HSTRLEN', KEYS[2], part) == 0 then return 'incomplete' end
end
if usage_of ~= '' and known[5] ~= usage_of then return 'incomplete' end
return 'replaced'
`

const COUNTED_NOW = `
${CLOCK}
local now = last_counted + math.abs(shown - last_shown)
`

/** The names and the times since they published. Long names and texts stay on the server. */
const NAMES = `
${COUNTED_NOW}
local named = {}
local found = redis.call('ZREVRANGE', KEYS[1], 0, ARGV[1] - 1, 'WITHSCORES')
for i = 1, #found, 2 do
  if #found[i] < 256 then
    named[#named + 1] = found[i]
    named[#named + 1] = string.format('%.0f', now - tonumber(found[i + 1]))
  end
end
return named
`

const EMPTY_AGO = `
${COUNTED_NOW}
if redis.call('TYPE', KEYS[1])['ok'] == 'none' then return '0' end
local empty = score('${EMPTY}')
if empty then return string.format('%.0f', now - empty) end
`

/** A field has the revision of each part: `usage@`. Parts that a notice lacks stay, and with them their revisions. */
const MOST_REVISION_CHARACTERS = 200

/** For a text that the reader has no room for. */
const LEFT_OUT = 1

/** The first key is `HOSTS`. */
const READ = `
${COUNTED_NOW}
local left = tonumber(ARGV[3])
local answers = {}
for i, key in ipairs({ unpack(KEYS, 2) }) do
  local received, text = false, false
  if redis.call('TYPE', key)['ok'] == 'hash' then
    if redis.call('HSTRLEN', key, 'received') < 20 then received = redis.call('HGET', key, 'received') end
    local length = redis.call('HSTRLEN', key, ARGV[1])
    if length > left and length <= tonumber(ARGV[2]) then
      text = ${LEFT_OUT}
    elseif length <= tonumber(ARGV[2]) then
      text = redis.call('HGET', key, ARGV[1])
      left = left - length
    end
  end
  received = tonumber(received or '')
  local revision = false
  if received and redis.call('HSTRLEN', key, ARGV[1] .. '@') < ${MOST_REVISION_CHARACTERS} then
    revision = redis.call('HGET', key, ARGV[1] .. '@')
  end
  if received then answers[i] = { now - received, text, revision } else answers[i] = false end
end
return answers
`

const ANSWERS: readonly unknown[] = [
  'incomplete',
  'replaced',
  'older',
  'foreign',
] satisfies readonly PostAnswer[]
const isShort = (text: unknown): text is string =>
  typeof text === 'string' && text.length <= MOST_SNAPSHOT_CHARACTERS

const leftOut = ({ host }: Named): Posted => ({ host, age: 0, text: undefined, isLeftOut: true })

/** A host that is on the list, and when it was put there. */
interface Named {
  readonly host: HostName
  readonly age: Millis
}

/** No notice is kept longer. Others have written anything else. */
const isAge = (age: unknown): age is Millis => typeof age === 'number' && age >= 0 && age <= KEPT_FOR_MS

function revisionIn(text: unknown): Pick<Posted, 'revision'> {
  const revision = typeof text === 'string' ? readRevision(text) : undefined
  return revision === undefined ? {} : { revision }
}

const byName = (a: Pick<Posted, 'host'>, b: Pick<Posted, 'host'>): number => (a.host < b.host ? -1 : 1)

const lost = (host: HostName, listedAge: Millis): Posted => ({
  ...{ host, text: undefined, isLost: true },
  age: Math.max(0, listedAge),
})

/** If it is not on the board, nothing is known about it. */
const unlisted = (host: HostName): Named => ({ host, age: Number.NaN })

const isPostAnswer = (value: unknown): value is PostAnswer => ANSWERS.includes(value)

/** The board in Redis (6 or newer) or Valkey. */
export class RedisBoard implements Board {
  readonly #connection: BoardConnection

  readonly #readWithin: Millis

  constructor(connection: BoardConnection, readWithin = READ_WITHIN_MS) {
    this.#connection = connection
    this.#readWithin = readWithin
  }

  async post({ host, revision, parts, usageOf }: Notice): Promise<PostAnswer> {
    const { epoch, committedAt, readAt } = revision
    const order = [epoch, String(committedAt), String(readAt)]
    const limits = [String(ORDERED_FOR_MS), String(KEPT_FOR_MS)]
    const fields = Object.entries(parts).flatMap(([part, text]) => [
      part,
      text,
      `${part}@`,
      revisionText(revision),
    ])
    const words = [...limits, usageOf === undefined ? '' : revisionText(usageOf), ...fields]
    const answer = await this.#run(POST, [HOSTS, keyOf(host)], [host, ...order, ...words])
    if (!isPostAnswer(answer)) throw strangeBoard()
    return answer
  }

  read(part: SnapshotPart, host?: string): Promise<readonly Posted[]> {
    return this.#connection.together(this.#readWithin, this.#read(part, host))
  }

  async #read(part: SnapshotPart, host?: string): Promise<readonly Posted[]> {
    const found = host === undefined ? await this.#names() : [host].filter(isHostName).map(unlisted)
    const named = found.slice(0, MOST_HOSTS).sort(byName)
    const posted: Posted[] = found.slice(MOST_HOSTS).map(leftOut)
    let left = MOST_READ_CHARACTERS[part]
    for (let at = 0; at < named.length; at += HOSTS_AT_ONCE) {
      for (const each of await this.#readSome(part, named.slice(at, at + HOSTS_AT_ONCE), left)) {
        posted.push(each)
        left -= each.text?.length ?? 0
      }
    }
    return posted.sort(byName)
  }

  /** Those that published last come first. */
  async #names(): Promise<readonly Named[]> {
    const words = await this.#run(NAMES, [HOSTS], [String(MOST_NAMES)])
    if (!Array.isArray(words)) throw strangeBoard()
    const named: Named[] = []
    for (let at = 0; at < words.length && named.length < MOST_NAMES; at += 2) {
      const host: unknown = words[at]
      if (typeof host === 'string' && isHostName(host)) named.push({ host, age: Number(words[at + 1]) })
    }
    return named
  }

  async #readSome(part: SnapshotPart, named: readonly Named[], most: number): Promise<readonly Posted[]> {
    const limits = [String(MOST_SNAPSHOT_CHARACTERS), String(most)]
    const keys = [HOSTS, ...named.map(({ host }) => keyOf(host))]
    const answers = await this.#run(READ, keys, [part, ...limits])
    if (!Array.isArray(answers)) throw strangeBoard()
    let left = most
    return named.flatMap(({ host, age: listedAge }, at): Posted[] => {
      const answer: unknown = answers[at]
      const [age, text, revision]: readonly unknown[] = Array.isArray(answer) ? answer : []
      if (!isAge(age)) return listedAge <= KEPT_FOR_MS ? [lost(host, listedAge)] : []
      if (text === LEFT_OUT) return [{ host, age, text: undefined, isLeftOut: true }]
      if (!isShort(text)) return [{ host, age, text: undefined }]
      // The server itself may be anybody's.
      if (text.length > left) return [{ host, age, text: undefined, isLeftOut: true }]
      left -= text.length
      return [{ host, age, text, ...revisionIn(revision) }]
    })
  }

  async emptyAgo(): Promise<Millis | undefined> {
    const ago = await this.#run(EMPTY_AGO, [HOSTS], [])
    const age = typeof ago === 'string' ? Number(ago) : undefined
    return isAge(age) ? age : undefined
  }

  /** The clock of the board. */
  async now(): Promise<Millis> {
    const time = await this.#connection.send('TIME', [])
    const [seconds, micros] = Array.isArray(time) ? time.map(Number) : []
    const now = Number(seconds) * 1000 + Number(micros) / 1000
    if (Number.isFinite(now)) return now
    throw strangeBoard()
  }

  #run(script: string, keys: readonly string[], words: readonly string[]): Promise<unknown> {
    return this.#connection.send('EVAL', [script, String(keys.length), ...keys, ...words])
  }

  close(): void {
    this.#connection.close()
  }
}
