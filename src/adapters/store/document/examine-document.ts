import * as v from 'valibot'
import type { Pool } from '../../../domain/pool/model.ts'
import { shortened } from '../../../domain/text/text.ts'
import { documentIn } from './codec.ts'
import { corrupt, LONGEST_REASON } from './damage.ts'
import { documentSchema } from './document-schema.ts'

/**
 * Reads a document by its schema, whatever its checksum, and throws an error that explains a wrong value. `poolFaults`
 * finds other faults. Throws like `decodePool`.
 */
export function examinePool(text: string): Pool {
  const result = v.safeParse(documentSchema(), documentIn(text))
  if (result.success) return result.output
  const [issue] = result.issues
  throw corrupt(shortened(`${v.getDotPath(issue) ?? 'document'}: ${issue.message}`, LONGEST_REASON))
}
