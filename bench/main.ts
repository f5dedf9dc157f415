import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildFloor } from './floor.ts'
import type { Mode } from './pool.ts'
import { machine, type Result, resultDocument, resultText, verdictOf } from './result.ts'
import type { Row } from './row.ts'
import { abuse } from './rows/abuse.ts'
import { decide } from './rows/decide.ts'
import { fleet } from './rows/fleet.ts'
import { handOff } from './rows/hand-off.ts'
import { idleDaemon } from './rows/idle-daemon.ts'
import { idleSupervisor } from './rows/idle-supervisor.ts'
import { killed } from './rows/killed.ts'
import { publish } from './rows/publish.ts'
import { report } from './rows/report.ts'
import { reserveCrowd } from './rows/reserve-crowd.ts'
import { run } from './rows/run.ts'
import { status } from './rows/status.ts'
import { statusAll } from './rows/status-all.ts'
import { version } from './rows/version.ts'
import { web } from './rows/web.ts'

/** In the order of measurement and output. A new row is a file in rows/ and an entry here. */
const ROWS: readonly Row[] = [
  version,
  ...inBothModes(status),
  ...inBothModes(run),
  ...inBothModes(reserveCrowd),
  ...inBothModes(handOff),
  ...inBothModes(killed),
  idleSupervisor,
  idleDaemon,
  abuse,
  decide,
  report,
  web,
  ...inBothModes(fleet),
  statusAll,
  publish,
]

function inBothModes(row: (mode: Mode) => Row): readonly Row[] {
  return [row('embedded'), row('daemon')]
}

const HELP = `Usage: npm run bench -- [--json] [--effort <factor>] [row…]
Rows: ${ROWS.map((row) => row.name).join(', ')}
The rows ${ROWS.filter(({ needs }) => needs !== undefined)
  .map(({ name }) => name)
  .join(', ')} need redis-server.
Each figure is a ratio of medians from the same run; quartiles are in brackets.
The exit status is 1 if a result is broken and, with --strict, also if a result is over its budget.`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    strict: { type: 'boolean', default: false },
    effort: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) console.log(HELP)
else process.exitCode = await bench(chosenRows(positionals), Number(values.effort))

async function bench(rows: readonly Row[], effort: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'canhazgpu-bench-'))
  try {
    const floor = await buildFloor(folder)
    const canhazgpu = new URL('../dist/canhazgpu', import.meta.url).pathname
    if (!values.json) console.log(`${JSON.stringify(machine())}\n`)
    const results: Result[] = []
    for (const row of rows) {
      const own = join(folder, row.name)
      mkdirSync(own)
      const result = { row, ...(await row.measure({ canhazgpu, floor, effort, folder: own })) }
      if (!values.json) console.log(`${resultText(result)}\n`)
      results.push(result)
    }
    if (values.json) {
      console.log(JSON.stringify({ machine: machine(), results: results.map(resultDocument) }, null, 2))
    }
    const verdicts = results.map(verdictOf)
    return verdicts.includes('broken') || (values.strict && verdicts.includes('over')) ? 1 : 0
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function chosenRows(names: readonly string[]): readonly Row[] {
  const unknown = names.filter((name) => !ROWS.some((row) => row.name === name))
  if (unknown.length > 0) throw new Error(`no such row: ${unknown.join(', ')}\n${HELP}`)
  const chosen = names.length === 0 ? ROWS : ROWS.filter((row) => names.includes(row.name))
  return chosen.filter(({ name, needs }) => {
    const isPossible = needs === undefined || Bun.which(needs) !== null
    if (!isPossible) console.error(`${name} is left out: ${needs} is not installed`)
    return isPossible
  })
}
