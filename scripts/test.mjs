import { bun } from './bun.mjs'
import { executable } from './executable.mjs'
import { openCheckout } from './open-checkout.mjs'
import { runAllFiles, runSelected } from './test-files.mjs'
import { installNeeds, PACKAGE_NEEDS, TEST_NEEDS, testPath } from './test-needs.mjs'
import { installValkey } from './valkey.mjs'

/**
 * `npm test [-- arguments of bun test]`: installs what the tests need, builds the executable and runs the tests. The last
 * lines are the failed tests and `N passed, N failed` (and `, N skipped`). In continuous integration (CI=true) no program
 * may be missing, and an ordinary user may skip only tests that need root.
 */
const ci = process.env.CI === 'true'
const SLOWEST = 10
/** Further failures are listed without their errors. */
const SHOWN_ERRORS = 20

await main(process.argv.slice(2))

async function main(args) {
  bun()
  const forPackages = args.some((arg) => arg.includes('packaging'))
  reportMissing(installNeeds(forPackages ? [...TEST_NEEDS, ...PACKAGE_NEEDS] : TEST_NEEDS))
  if (!forPackages && !installValkey()) reportNoValkey()
  executable()
  // Tests share files with other users by default.
  process.umask(0o022)
  const place = { folder: openCheckout(), env: environment() }
  const results = args.length > 0 ? [await runSelected(args, place)] : await runAllFiles(place)
  const skipped = results.flatMap((result) => result.skipped)
  const forbidden = ci ? skipped.filter((test) => !isAllowed(test)) : []
  printSkipped(skipped)
  if (results.length > 1) printSlowest(results)
  printFailed([...results.flatMap((result) => result.failures), ...forbidden.map(mustNotBeSkipped)])
  finish({
    passed: sum(results.map((result) => result.passed)),
    failed: sum(results.map((result) => result.failed)) + forbidden.length,
    skipped: skipped.length - forbidden.length,
  })
}

function reportMissing(missing) {
  if (missing.length === 0) return
  if (ci) {
    console.error(`Cannot be installed: ${missing.join(', ')}`)
    finish({ passed: 0, failed: missing.length, skipped: 0 })
  }
  console.error('The tests that need them are skipped. To run them too:')
  console.error(`  sudo apt-get update && sudo apt-get install ${missing.join(' ')}\n`)
}

function reportNoValkey() {
  if (ci) finish({ passed: 0, failed: 1, skipped: 0 })
  console.error('The tests with Valkey are skipped\n')
}

/** Without the caller's pool and settings. `CANHAZGPU_TEST_MODE=daemon` runs the given files behind a daemon. */
function environment() {
  const others = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('CANHAZGPU_') || name === 'CANHAZGPU_TEST_MODE',
  )
  return { ...Object.fromEntries(others), PATH: testPath }
}

/** The reasons from test/support/needs.ts. A test that needs an embedded pool runs in the other mode. */
function isAllowed({ title }) {
  if (title.includes('(skipped: needs an embedded pool)')) return true
  return process.getuid?.() !== 0 && title.includes('(skipped: needs root)')
}

function mustNotBeSkipped(test) {
  return { ...test, detail: ['Must not be skipped in CI'] }
}

function printSkipped(tests) {
  const reasons = tests.map(({ title }) => /\(skipped: (.*?)\)/.exec(title)?.[1] ?? 'without a reason')
  for (const reason of new Set(reasons)) {
    console.error(`Skipped ${reasons.filter((each) => each === reason).length}: ${reason}`)
  }
}

function printSlowest(results) {
  const slowest = [...results].sort((a, b) => b.seconds - a.seconds).slice(0, SLOWEST)
  console.log('\nSlowest test files:')
  for (const { file, seconds } of slowest) console.log(`${seconds.toFixed(1).padStart(7)} s  ${file}`)
}

/** `.ci/run` repeats the lines from `Failed tests:` to the counts. */
function printFailed(failures) {
  if (failures.length === 0) return
  console.log('\nFailed tests:')
  for (const [index, { file, title, detail }] of failures.entries()) {
    console.log(`${file ?? 'no file'}: ${title}`)
    if (index < SHOWN_ERRORS) for (const line of detail) console.log(`    ${line}`)
  }
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0)
}

function finish({ passed, failed, skipped }) {
  console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
  process.exit(failed === 0 && passed > 0 ? 0 : 1)
}
