import { Glob } from 'bun'
import { markerWords } from './plain-words.ts'

/** `npm run check`: the checks of continuous integration other than the tests. */
const CHECKS: readonly (readonly [name: string, ...command: string[]])[] = [
  ['formatting and lint', 'node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.'],
  ['types', 'node_modules/typescript/bin/tsc', '--noEmit'],
]

let failed = false
for (const [name, ...command] of CHECKS) {
  const [script = '', ...args] = command
  const { exitCode } = Bun.spawnSync(['node', script, ...args], { stdio: ['ignore', 'inherit', 'inherit'] })
  console.log(`${exitCode === 0 ? 'ok    ' : 'FAILED'} ${name}`)
  failed ||= exitCode !== 0
}
failed = !(await wordsArePlain()) || failed
console.log(await fileLengths())
process.exit(failed ? 1 : 0)

async function wordsArePlain(): Promise<boolean> {
  const found = await markerWords()
  for (const use of found) console.log(use)
  console.log(
    `${found.length === 0 ? 'ok    ' : 'FAILED'} plain words (the list is in scripts/plain-words.ts)`,
  )
  return found.length === 0
}

/** For information: a long file is not an error. */
async function fileLengths(): Promise<string> {
  const files = await Promise.all(
    [...new Glob('src/**/*.{ts,tsx}').scanSync('.')].map(async (path) => ({
      path,
      lines: (await Bun.file(path).text()).split('\n').length - 1,
    })),
  )
  files.sort((a, b) => a.lines - b.lines)
  const median = files[Math.floor(files.length / 2)]?.lines ?? 0
  const longest = files.at(-1)
  return `src: ${files.length} files, median ${median} lines, longest ${longest?.path} with ${longest?.lines}`
}
