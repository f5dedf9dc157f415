import { CanhazgpuError } from '../../domain/errors.ts'
import { isAdministrator } from '../../domain/pool/rights.ts'
import { summaryDocument } from '../../views/documents/summary-document.ts'
import { noPool, overviewText } from '../../views/words/overview-words.ts'
import { staleFailure } from '../../views/words/stale-words.ts'
import { command } from '../command.ts'
import type { Context } from '../context.ts'

export const overview = command({
  examples: [],
  options: [],
  handle: async (_given, context) => {
    try {
      return await (await context.pool()).view('status')
    } catch (error) {
      if (!(error instanceof CanhazgpuError) || error.code !== 'pool-not-initialized') throw error
      throw await withPersonToAsk(error, context)
    }
  },
  text: (shown, display) => ({ stdout: overviewText(shown, display) }),
  json: summaryDocument,
  failure: ({ driverFailure, stale, view }) =>
    stale === undefined ? driverFailure : staleFailure(stale, view.now),
})

async function withPersonToAsk(error: CanhazgpuError, context: Context): Promise<CanhazgpuError> {
  const [account, administrators] = await Promise.all([context.account(), context.administrators()])
  const isAllowed = isAdministrator(account) || administrators.includes(account.name)
  return noPool(error, isAllowed ? null : administrators)
}
