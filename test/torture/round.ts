import { expect } from 'bun:test'
import { summary, type Tally } from '../../torture/tally.ts'
import { torture } from '../../torture/torture.ts'
import { needing } from '../support/needs.ts'

/** The whole test takes a minute: after this time, all commands must still end. */
const SECONDS = Number(process.env.TORTURE_SECONDS ?? 55)
/** Far longer than the end of a round takes: a round without progress for a minute ends as a violation. */
const END_WITHIN_S = 240

/** A quiet machine makes a hundred in a minute. */
const ENOUGH_BOOKINGS = 20

/** One round of torture as a test. `killedIn`: how often a process was killed in mid-transaction, by the tally. */
export function testRound(
  what: string,
  { daemon, killedIn }: { readonly daemon: boolean; readonly killedIn: (tally: Tally) => number | undefined },
): void {
  needing('gcc').test(
    `${SECONDS} s of torture of ${what} violate no rule`,
    async () => {
      const seed = Date.now() % 1_000_000_000
      const done = await torture({ seed, seconds: SECONDS, users: 4, gpus: 8, daemon })
      if (done === null) throw new Error('the round was interrupted')
      const { result, tally, kept } = done
      console.log(`seed ${seed}: ${summary(tally, result)}`)
      const where = `seed ${seed}, logs in ${kept}`
      expect(result.violations.map(({ rule, message }) => `${rule}: ${message} (${where})`)).toEqual([])
      expect(result.holds).toBeGreaterThan(0)
      // A busy machine performs few commands: then every booking may be refused or cancelled.
      if ((tally.commands.book ?? 0) >= ENOUGH_BOOKINGS) expect(result.begun).toBeGreaterThan(0)
      expect(killedIn(tally)).toBeGreaterThan(0)
    },
    (SECONDS + END_WITHIN_S) * 1000,
  )
}
