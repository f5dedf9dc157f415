import * as v from 'valibot'
import { checked } from '../../src/views/schemas/admin.ts'
import type { TestPool } from './pool.ts'

type Checkup = v.InferOutput<typeof checked>

/** The result of `admin --check --json`, whose exit status must agree with it. */
export async function checkup(pool: TestPool): Promise<Checkup> {
  const { status, stdout, stderr } = await pool.chg('admin', '--check', '--json')
  const document: unknown = stdout === '' ? null : JSON.parse(stdout)
  const isConsistent =
    v.is(checked, document) &&
    document.sound === (status === 0) &&
    document.sound === (document.problems.length === 0)
  if (!isConsistent) throw new Error(`exit status ${status}: ${stdout}${stderr}`)
  return document
}

/** The problems that `admin --check` finds: none in a sound pool. */
export const problemsIn = async (pool: TestPool): Promise<Checkup['problems']> =>
  (await checkup(pool)).problems
