import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { bun, root } from './bun.mjs'
import { build } from './executable.mjs'
import { TEST_NEEDS } from './test-needs.mjs'

/**
 * `npm test [-- arguments of bun test]`: installs what the tests need, builds the executable, runs the tests
 * and ends with `N passed, N failed` (and `, N skipped`). In continuous integration (CI=true) nothing may be
 * missing and nothing skipped.
 */
const ci = process.env.CI === 'true'
const TEST_TIMEOUT_MS = 60_000

await main(process.argv.slice(2))

async function main(args) {
  bun()
  provideNeeds()
  build()
  const { status, output } = await runTests(args)
  const passed = count(output, 'pass')
  const failed = Math.max(count(output, 'fail'), status === 0 ? 0 : 1)
  const skipped = count(output, 'skip') + count(output, 'todo')
  const forbidden = ci && skipped > 0
  if (forbidden) console.error(`\nSkipped, though nothing may be in CI:\n${skippedTests(output)}`)
  finish({ passed, failed: failed + (forbidden ? skipped : 0), skipped: forbidden ? 0 : skipped })
}

/** With root's rights it installs them; without, it says how to, and the tests in question skip themselves. */
function provideNeeds() {
  const missing = TEST_NEEDS.filter((need) => !isThere(need))
  if (missing.length === 0) return
  for (const need of missing) console.error(`Missing for the tests: ${need.package} - ${need.why}`)
  const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n']
  const packages = missing.map((need) => need.package)
  if (mayInstall(sudo)) {
    install([...sudo, 'apt-get', 'update', '-q'])
    install([...sudo, 'apt-get', 'install', '-qy', '--no-install-recommends', ...packages])
  }
  const left = missing.filter((need) => !isThere(need)).map((need) => need.package)
  if (left.length === 0) return
  if (ci) {
    console.error(`Cannot be installed: ${left.join(', ')}`)
    finish({ passed: 0, failed: left.length, skipped: 0 })
  }
  console.error('The tests that need them are skipped. To run them too:')
  console.error(`  sudo apt-get update && sudo apt-get install ${left.join(' ')}\n`)
}

function isThere({ program, file }) {
  if (file !== undefined) return existsSync(file)
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)))
}

function mayInstall(sudo) {
  const works = (command, ...args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0
  return works('apt-get', '--version') && (sudo.length === 0 || works(...sudo, 'true'))
}

/** Failure shows in what is still missing afterwards. */
function install([command, ...args]) {
  console.error(`$ ${[command, ...args].join(' ')}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'], env })
}

/** Bun tells results on stderr; shown as they come, and kept to count them. */
function runTests(args) {
  const named = args.some((arg) => !arg.startsWith('-'))
  const testArgs = ['test', `--timeout=${TEST_TIMEOUT_MS}`, ...args, ...(named ? [] : ['./test/'])]
  const child = spawn(bun(), testArgs, { cwd: root, env: neutral(), stdio: ['ignore', 'inherit', 'pipe'] })
  let output = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    output += text
    process.stderr.write(text)
  })
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, output })))
}

/** A pool or setting of whoever runs the tests is none of theirs. */
function neutral() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CANHAZGPU_')))
}

/** From Bun's closing summary: lines such as ` 12 pass`. */
function count(output, what) {
  const lines = [...output.matchAll(new RegExp(`^ *(\\d+) ${what}$`, 'gm'))]
  return Number(lines.at(-1)?.[1] ?? 0)
}

function skippedTests(output) {
  const names = [...output.matchAll(/^\((?:skip|todo)\) (.*)$/gm)].map(([, name]) => `  ${name}`)
  return [...new Set(names)].join('\n')
}

function finish({ passed, failed, skipped }) {
  console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
  process.exit(failed === 0 && passed > 0 ? 0 : 1)
}
