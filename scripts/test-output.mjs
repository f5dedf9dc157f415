const DETAIL_LINES = 15
const RESULT = /^\((pass|fail|skip|todo)\) (.*?)(?: \[[\d.]+m?s\])?$/
const TEST_FILE = /^(\S.*\.test\.[cm]?[jt]sx?):$/

/** Counts, skipped tests and failures, from the output of `bun test` and its exit status. */
export function resultsOf(output, status) {
  // A long output lists failed and skipped tests again at the end.
  const [once] = output.split(/^\d+ tests? (?:skipped|todo|failed):$/m)
  const tests = testsOf(once.split('\n'))
  const failed = Math.max(lastCount(output, 'fail'), status === 0 ? 0 : 1)
  const failures = tests.filter(({ result }) => result === 'fail')
  return {
    passed: lastCount(output, 'pass'),
    failed,
    failures: failed > failures.length ? [...failures, outsideTests(once, status)] : failures,
    // `(unnamed)` is a hook of a skipped `describe`.
    skipped: tests.filter(({ result, title }) => /skip|todo/.test(result) && !title.endsWith(' > (unnamed)')),
  }
}

/** From the summary, with lines such as ` 12 pass`. */
function lastCount(output, what) {
  const lines = [...output.matchAll(new RegExp(`^ *(\\d+) ${what}$`, 'gm'))]
  return Number(lines.at(-1)?.[1] ?? 0)
}

/** Bun prints the error of a test above its result, and a timeout below it. */
function testsOf(lines) {
  const tests = []
  let file
  let above = []
  for (const line of lines) {
    const [, result, title] = RESULT.exec(line) ?? []
    if (result !== undefined) {
      tests.push({ file, result, title, detail: errorIn(above) })
      above = []
    } else if (TEST_FILE.test(line)) {
      file = TEST_FILE.exec(line)[1]
      above = []
    } else if (line.startsWith('  ^ ') && above.length === 0) {
      tests.at(-1)?.detail.push(line.trim())
    } else {
      above.push(line)
    }
  }
  return tests
}

/** A file that cannot be loaded, an error between two tests, or a crash. */
function outsideTests(output, status) {
  const lines = output.split('\n')
  const file = lines.map((line) => TEST_FILE.exec(line)?.[1]).findLast((name) => name !== undefined)
  const between = lines.indexOf('# Unhandled error between tests')
  const detail = between < 0 ? lastLines(lines) : errorIn(lines.slice(between))
  return { file, title: `outside a test (exit status ${status})`, detail }
}

/** Without the source excerpt above the error. */
function errorIn(lines) {
  const start = lines.findIndex((line) => /^\w*error: /i.test(line))
  return start < 0 ? lastLines(lines) : nonEmpty(lines.slice(start)).slice(0, DETAIL_LINES)
}

function lastLines(lines) {
  return nonEmpty(lines).slice(-DETAIL_LINES)
}

function nonEmpty(lines) {
  return lines.filter((line) => line.trim() !== '')
}
