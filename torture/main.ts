import { parseArgs } from 'node:util'
import { summary } from './tally.ts'
import { torture } from './torture.ts'

const USAGE = `Usage: npm run torture -- [options]
  --seconds T   for how long (default: 60); an hour is 3600
  --seed S      decides what is done, not when (default: by the clock)
  --users U     how many Unix users take part (default: 4); only root can create them, others play alone
  --gpus G      how many GPUs they share (default: 8)
  --keep F      leave logs and store in this folder; after a violation they stay in any case`

/** What is longer is played in rounds of this length, each with the next seed and a pool of its own. */
const ROUND_S = 300

const INTERRUPTED = 130

/** More would fill the screen. The first is what counts. */
const MOST_TOLD = 20

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    users: { type: 'string', default: '4' },
    gpus: { type: 'string', default: '8' },
    keep: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) console.log(USAGE)
else process.exitCode = await main()

async function main(): Promise<number> {
  const first = values.seed === undefined ? Date.now() % 1_000_000_000 : Number(values.seed)
  const seconds = Number(values.seconds)
  const cast = { users: Number(values.users), gpus: Number(values.gpus) }
  if (
    [first, seconds, cast.users, cast.gpus].some((number) => !(number >= 0)) ||
    cast.users < 1 ||
    cast.gpus < 1
  ) {
    console.error(USAGE)
    return 2
  }
  let stopped = false
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      stopped = true
    })
  }
  for (let [left, seed] = [seconds, first]; left > 0; left -= ROUND_S, seed++) {
    const played = await torture({
      ...cast,
      seed,
      seconds: Math.min(left, ROUND_S),
      keep: values.keep,
      isStopped: () => stopped,
    })
    if (played === null) return INTERRUPTED
    const { judgement, tally, kept } = played
    console.log(`seed ${seed}: ${summary(tally, judgement)}`)
    for (const { rule, message } of judgement.violations.slice(0, MOST_TOLD))
      console.log(`  ${rule}: ${message}`)
    if (kept !== undefined) console.log(`  kept in ${kept}`)
    if (judgement.violations.length > 0) return 1
  }
  return 0
}
