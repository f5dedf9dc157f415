import { parseArgs } from 'node:util'
import { flawOf, inputAt } from './campaign.ts'
import { piecesOf, storeInput } from './corpus.ts'
import { explore, type Finding } from './explore.ts'
import type { Parser } from './parser.ts'
import { PARSERS } from './parsers.ts'

const HELP = `Usage: npm run fuzz -- [options]
  --parser NAME   test only this parser; can be repeated (${PARSERS.map(({ name }) => name).join(', ')})
  --seconds N     time for each parser (default: 10)
  --seed S        seed of the inputs (default: from the clock)
  --at N          try only input number N, and print it
  --jobs N        number of parsers to test at once (default: 1)
  --keep          add each finding to fuzz/corpus, which the tests run`

const { values } = parseArgs({
  options: {
    parser: { type: 'string', multiple: true, default: [] },
    seconds: { type: 'string', default: '10' },
    seed: { type: 'string' },
    at: { type: 'string' },
    jobs: { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

/** The longest inputs take a few tenths of a second; quadratic time would take minutes. */
const SLOW_MS = 5_000

process.exit(await main())

async function main(): Promise<number> {
  const unknown = values.parser.find((name) => PARSERS.every((parser) => parser.name !== name))
  if (values.help || unknown !== undefined) {
    console.log(unknown === undefined ? HELP : `unknown parser ${unknown}\n${HELP}`)
    return unknown === undefined ? 0 : 2
  }
  const chosen = PARSERS.filter(({ name }) => values.parser.length === 0 || values.parser.includes(name))
  const seed = values.seed === undefined ? Date.now() % 1_000_000_000 : Number(values.seed)
  if (values.at !== undefined) return replay(chosen, seed, Number(values.at))
  console.log(`seed ${seed}`)
  let found = 0
  const remaining = [...chosen]
  const fuzzRemaining = async (): Promise<void> => {
    for (let parser = remaining.shift(); parser !== undefined; parser = remaining.shift()) {
      found += await fuzz(parser, seed)
    }
  }
  await Promise.all(Array.from({ length: Number(values.jobs) }, fuzzRemaining))
  return found === 0 ? 0 : 1
}

async function fuzz(parser: Parser, seed: number): Promise<number> {
  const { executions, findings } = await explore(parser, {
    seed,
    seconds: Number(values.seconds),
    slowMs: SLOW_MS,
  })
  console.log(`${parser.name.padEnd(16)} ${String(executions).padStart(10)} inputs, ${findings.length} flaws`)
  for (const finding of findings) await printFinding(parser, finding)
  return findings.length
}

async function printFinding(parser: Parser, { flaw, seed, at, input }: Finding): Promise<void> {
  console.log(`  ${flaw}`)
  console.log(`    ${JSON.stringify(piecesOf(input)).slice(0, 1_000)}`)
  console.log(`    repeat with: npm run fuzz -- --parser ${parser.name} --seed ${seed} --at ${at}`)
  if (values.keep) await storeInput(parser, flaw, input)
}

async function replay(parsers: readonly Parser[], seed: number, at: number): Promise<number> {
  let found = 0
  for (const parser of parsers) {
    const input = inputAt(parser, seed, at)
    const start = performance.now()
    const flaw = await flawOf(parser, input)
    const ms = Math.round(performance.now() - start)
    console.log(`${parser.name}: ${JSON.stringify(piecesOf(input)).slice(0, 5_000)}`)
    console.log(`${flaw ?? 'no flaw'}, after ${ms} ms`)
    if (flaw !== null) found++
  }
  return found === 0 ? 0 : 1
}
