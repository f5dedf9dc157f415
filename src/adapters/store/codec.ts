import * as v from 'valibot'
import { CanhazgpuError } from '../../domain/errors.ts'
import type { Moment, Pool } from '../../domain/model.ts'
import { poolFaults } from '../../domain/soundness.ts'
import { shortened } from '../../domain/text.ts'
import { documentSchema, documentVersion } from './document-schema.ts'
import { RECOVERY } from './sqlite-errors.ts'

/** Version of the stored pool document. Older ones must load for ever: see `upgrades`. */
const DOCUMENT_VERSION = 1

/** What turns a document of version N into one of version N + 1, by N. */
const upgrades: Readonly<Record<number, (document: Record<string, unknown>) => Record<string, unknown>>> = {}

/** The document that holds this pool, stamped with the moment of writing and with its checksum. */
export function encodePool(value: Pool, writtenAt: Moment): string {
  const body = JSON.stringify({ ...value, writtenAt } satisfies Pool)
  return `${HEAD}${checksumOf(body)}",${body.slice(1)}`
}

/**
 * What this program wrote it need not examine again, which takes milliseconds where many wait; and what the disk
 * or a hand has changed since then must not be believed, though it may read well: a GPU could be granted twice.
 */
const HEAD = `{"version":${DOCUMENT_VERSION},"checksum":"`

/** The same in every release, and so of an algorithm that has a specification. */
const checksumOf = (body: string): string => Bun.hash.xxHash64(body).toString(16)

/** Reads a document of this or any earlier version. Throws `store-corrupt` or `store-too-new`. */
export function decodePool(text: unknown): Pool {
  if (typeof text !== 'string') throw corrupt('not text')
  return text.startsWith(HEAD) ? JSON.parse(checked(text)) : sound(examinePool(text))
}

/** The document without version and checksum. */
function checked(text: string): string {
  const end = text.indexOf('"', HEAD.length)
  const body = `{${text.slice(end + 2)}`
  if (text.slice(HEAD.length, end) !== checksumOf(body)) throw corrupt('its checksum is wrong')
  return body
}

function sound(examined: Pool): Pool {
  const [fault] = poolFaults(examined)
  if (fault !== undefined) throw corrupt(shortened(fault, LONGEST_REASON))
  return examined
}

/** Reads it by its shape, whatever its checksum; `poolFaults` tells what else may be wrong. Throws as `decodePool`. */
export function examinePool(text: string): Pool {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    throw corrupt('not JSON', cause)
  }
  const head = v.safeParse(documentVersion(), parsed)
  if (!head.success) throw corrupt('no version')
  if (head.output.version > DOCUMENT_VERSION) throw tooNew(`pool document version ${head.output.version}`)
  const result = v.safeParse(
    documentSchema(),
    upgraded(parsed as Record<string, unknown>, head.output.version),
  )
  if (!result.success) {
    const [issue] = result.issues
    throw corrupt(shortened(`${v.getDotPath(issue) ?? 'document'}: ${issue.message}`, LONGEST_REASON))
  }
  return result.output
}

/** Reads the list of those whose turn it is. Throws `store-corrupt`. */
export function decodeTurns(text: unknown): readonly string[] {
  try {
    const turns: unknown = typeof text === 'string' ? JSON.parse(text) : null
    if (Array.isArray(turns)) return turns
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

function corrupt(what: string, cause?: unknown): CanhazgpuError {
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
