import { CanhazgpuError } from '../../../domain/errors.ts'
import type { Moment, Pool } from '../../../domain/pool/model.ts'
import { poolFaults } from '../../../domain/pool/soundness.ts'
import { shortened } from '../../../domain/text/text.ts'
import { isObject } from './checks.ts'
import { corrupt, LONGEST_REASON, tooLong, tooNew, wrongValue } from './damage.ts'
import { documentFault } from './document-check.ts'
import { LONGEST_DOCUMENT } from './document-limits.ts'
import { upgradedFrom1 } from './upgrade-1.ts'

/** Version of the stored pool document. Older ones must load for ever: see `upgrades`. */
const DOCUMENT_VERSION = 4

/**
 * Each function upgrades a document of version N, its key, to version N + 1, and checks it. Versions 3 and 4 only have
 * optional parts that the version before lacks, so the check of version 4 is enough. They have numbers of their own
 * because a program that knows only version 2 would grant drained GPUs, and GPUs beyond a limit; one that knows only
 * version 3 would grant booked GPUs.
 */
const upgrades: Readonly<Record<number, (document: unknown) => unknown>> = {
  1: upgradedFrom1,
  2: (document) => document,
  3: (document) => document,
}

/** The document of this pool, with its checksum and the time of writing. Throws `failure` if it could not be read again. */
export function encodePool(value: Pool, writtenAt: Moment): string {
  const body = JSON.stringify({ ...value, writtenAt } satisfies Pool)
  const text = `${HEAD}${checksumOf(body)}",${body.slice(1)}`
  if (text.length > LONGEST_DOCUMENT) throw tooLong()
  return text
}

/** A wrong checksum is rejected even if the JSON is valid: a pool changed on disk could grant a GPU twice. */
const headOf = (version: number): string => `{"version":${version},"checksum":"`
const HEAD = headOf(DOCUMENT_VERSION)

/** Must be the same in every release, so its algorithm has a specification. */
const checksumOf = (body: string): string => Bun.hash.xxHash64(body).toString(16)

/**
 * Reads a document of this or any earlier version and checks all of it: a correct checksum proves only that the disk
 * kept the bytes. Throws `store-corrupt` or `store-too-new`.
 */
export function decodePool(text: unknown): Pool {
  if (typeof text !== 'string') throw corrupt('not text')
  if (text.length > LONGEST_DOCUMENT) throw corrupt('too long')
  if (text.startsWith(HEAD)) return checkedPool(parsed(unsealed(text, HEAD)))
  for (const head of Object.keys(upgrades).map((version) => headOf(Number(version))))
    if (text.startsWith(head)) unsealed(text, head)
  return checkedPool(documentIn(text))
}

/**
 * Upgrades a document of an earlier version to the current one. Null if it is current, or cannot be read; the next
 * reader reports that.
 */
export function upgradedDocument(text: unknown): string | null {
  if (typeof text !== 'string' || text.startsWith(HEAD)) return null
  try {
    const pool = decodePool(text)
    return encodePool(pool, pool.writtenAt)
  } catch (error) {
    if (error instanceof CanhazgpuError) return null
    throw error
  }
}

/** Compares the checksum. Returns the document without it and without its version. */
function unsealed(text: string, head: string): string {
  const end = text.indexOf('"', head.length)
  const body = `{${text.slice(end + 2)}`
  if (text.slice(head.length, end) !== checksumOf(body)) throw corrupt('its checksum is wrong')
  return body
}

/** Parses a document, whatever its checksum, and upgrades it to the current version. */
export function documentIn(text: string): unknown {
  const document = parsed(text)
  if (!isObject(document)) throw corrupt('no version')
  const { checksum: _, version, ...content } = document
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 1)
    throw corrupt('no version')
  if (version > DOCUMENT_VERSION) throw tooNew(`pool document version ${version}`)
  let upgraded: unknown = content
  for (let from = version; from < DOCUMENT_VERSION; from++) upgraded = upgrades[from]?.(upgraded)
  return upgraded
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw corrupt('not JSON', cause)
  }
}

function checkedPool(document: unknown): Pool {
  checkDocument(document)
  const [fault] = poolFaults(document)
  if (fault !== undefined) throw corrupt(shortened(fault, LONGEST_REASON))
  // No release writes these yet. The history could not record their use, so their reservations could not end.
  const part = document.units.find(({ id }) => id.includes('.'))
  if (part !== undefined) throw corrupt(`the unit ${part.id} is a part of a GPU`)
  return document
}

function checkDocument(document: unknown): asserts document is Pool {
  const fault = documentFault(document)
  if (fault !== undefined) throw wrongValue(fault)
}

/** Reads the list of waiters whose turn it is. Throws `store-corrupt`. */
export function decodeTurns(text: unknown): readonly string[] {
  try {
    const turns: unknown = typeof text === 'string' ? JSON.parse(text) : null
    if (Array.isArray(turns) && turns.every((turn) => typeof turn === 'string')) return turns
  } catch (cause) {
    throw corrupt('turns: not JSON', cause)
  }
  throw corrupt('turns: no list')
}
