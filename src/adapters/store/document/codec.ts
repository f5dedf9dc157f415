import { CanhazgpuError } from '../../../domain/errors.ts'
import type { Moment, Pool } from '../../../domain/pool/model.ts'
import { poolFaults } from '../../../domain/pool/soundness.ts'
import { shortened } from '../../../domain/text/text.ts'
import { RECOVERY } from '../sqlite-errors.ts'
import { documentFault } from './document-check.ts'
import { LONGEST_DOCUMENT } from './document-limits.ts'

/** Version of the stored pool document. Older ones must load for ever: see `upgrades`. */
const DOCUMENT_VERSION = 1

/** What turns a document of version N into one of version N + 1, by N. */
const upgrades: Readonly<Record<number, (document: Record<string, unknown>) => Record<string, unknown>>> = {}

/** The document that holds this pool, stamped with the moment of writing and with its checksum. */
export function encodePool(value: Pool, writtenAt: Moment): string {
  const body = JSON.stringify({ ...value, writtenAt } satisfies Pool)
  return `${HEAD}${checksumOf(body)}",${body.slice(1)}`
}

/** A wrong checksum is rejected even if the JSON is valid: a pool changed on disk could grant a GPU twice. */
const HEAD = `{"version":${DOCUMENT_VERSION},"checksum":"`

/** The same in every release, and so of an algorithm that has a specification. */
const checksumOf = (body: string): string => Bun.hash.xxHash64(body).toString(16)

/**
 * Reads a document of this or any earlier version and checks all of it: a right checksum proves only that the disk
 * kept it. Throws `store-corrupt` or `store-too-new`.
 */
export function decodePool(text: unknown): Pool {
  if (typeof text !== 'string') throw corrupt('not text')
  if (text.length > LONGEST_DOCUMENT) throw corrupt('too long')
  const document = text.startsWith(HEAD) ? parsed(checked(text)) : versioned(text)
  const fault = documentFault(document)
  if (fault !== undefined) throw corrupt(`wrong value at ${shortened(fault.slice(1), LONGEST_REASON)}`)
  return sound(document as Pool)
}

/** The document without version and checksum. */
function checked(text: string): string {
  const end = text.indexOf('"', HEAD.length)
  const body = `{${text.slice(end + 2)}`
  if (text.slice(HEAD.length, end) !== checksumOf(body)) throw corrupt('its checksum is wrong')
  return body
}

/** A document of an earlier version, or one edited by hand, without its version and checksum. */
function versioned(text: string): unknown {
  const { checksum: _, version: __, ...document } = documentIn(text)
  return document
}

/** Parses a document and brings it to the present version. */
export function documentIn(text: string): Record<string, unknown> {
  const document = parsed(text)
  const version = isObject(document) ? document.version : undefined
  if (!isObject(document) || !Number.isSafeInteger(version) || Number(version) < 1)
    throw corrupt('no version')
  if (Number(version) > DOCUMENT_VERSION) throw tooNew(`pool document version ${version}`)
  return upgraded(document, Number(version))
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw corrupt('not JSON', cause)
  }
}

function sound(pool: Pool): Pool {
  const [fault] = poolFaults(pool)
  if (fault !== undefined) throw corrupt(shortened(fault, LONGEST_REASON))
  return pool
}

/** Reads the list of those whose turn it is. Throws `store-corrupt`. */
export function decodeTurns(text: unknown): readonly string[] {
  try {
    const turns: unknown = typeof text === 'string' ? JSON.parse(text) : null
    if (Array.isArray(turns) && turns.every((turn) => typeof turn === 'string')) return turns
  } catch (cause) {
    throw corrupt('turns: not JSON', cause)
  }
  throw corrupt('turns: no list')
}

const LONGEST_REASON = 120

function upgraded(document: Record<string, unknown>, version: number): Record<string, unknown> {
  let current = document
  for (let from = version; from < DOCUMENT_VERSION; from++) current = upgrades[from]?.(current) ?? current
  return current
}

export function corrupt(what: string, cause?: unknown): CanhazgpuError {
  return new CanhazgpuError('store-corrupt', `The stored pool is damaged (${what})`, {
    hint: RECOVERY,
    ...(cause === undefined ? {} : { cause }),
  })
}

/** What a store written by a later release is refused with. */
export function tooNew(what: string): CanhazgpuError {
  return new CanhazgpuError('store-too-new', `The pool was written by a newer canhazgpu (${what})`, {
    hint: 'upgrade this canhazgpu',
  })
}
