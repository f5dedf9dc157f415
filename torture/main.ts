import { parseArgs } from 'node:util'
import { Progress } from '../scripts/progress.ts'
import { summary } from './tally.ts'
import { torture } from './torture.ts'

const USAGE = `Usage: npm run torture -- [options]
  --seconds T   duration (default: 60); an hour is 3600
  --seed S      decides the actions, not their times (default: from the clock)
  --users U     number of Unix users (default: 4); without root, which alone can create users, there is one
  --gpus G      number of GPUs that they share (default: 8)
  --daemon      a daemon serves the pool, and is killed, stopped and replaced
  --keep F      keep logs and store in this folder; after a violation they are always kept`

/** A longer run is split into rounds of this length, each with the next seed and its own pool. */
const ROUND_S = 300

const INTERRUPTED = 130

/** The first violations matter most, and more would fill the screen. */
const MOST_SHOWN = 20

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    users: { type: 'string', default: '4' },
    gpus: { type: 'string', default: '8' },
    daemon: { type: 'boolean', default: false },
    keep: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) console.log(USAGE)
else process.exitCode = await main()

async function main(): Promise<number> {
  const first = values.seed === undefined ? Date.now() % 1_000_000_000 : Number(values.seed)
  const seconds = Number(values.seconds)
  const size = { users: Number(values.users), gpus: Number(values.gpus) }
  if (
    [first, seconds, size.users, size.gpus].some((number) => !(number >= 0)) ||
    size.users < 1 ||
    size.gpus < 1
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
  const progress = new Progress(Math.ceil(seconds / ROUND_S))
  for (let [left, seed] = [seconds, first]; left > 0; left -= ROUND_S, seed++) {
    const lasts = Math.min(left, ROUND_S)
    const round = { ...size, seed, seconds: lasts, daemon: values.daemon, keep: values.keep }
    const work = () => torture({ ...round, isStopped: () => stopped })
    const done = await progress.step(`seed ${seed}`, work, lasts * 1000)
    if (done === null) return INTERRUPTED
    const { result, tally, kept } = done
    progress.print(
      `seed ${seed}: ${summary(tally, result)}`,
      ...result.violations.slice(0, MOST_SHOWN).map(({ rule, message }) => `  ${rule}: ${message}`),
      ...(kept === undefined ? [] : [`  kept in ${kept}`]),
    )
    if (result.violations.length > 0) return 1
  }
  return 0
}
