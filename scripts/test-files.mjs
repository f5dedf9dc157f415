import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'
import { bun, root } from './bun.mjs'
import { resultsOf } from './test-output.mjs'

const TEST_TIMEOUT_MS = 60_000
const JOBS = Math.min(8, availableParallelism())
/** These files start first, so that no long file runs alone at the end. */
const LONG_FILES = [
  'test/simulation/simulation.test.ts',
  'test/torture/torture.test.ts',
  'test/torture/daemon.test.ts',
]
/** These files mostly wait for deadlines, so an additional job runs them, one after the other. */
const WAITING_FILES = [
  'test/hostile/held-locks.test.ts',
  'test/machine/upgrade.test.ts',
  'test/machine/upgrade-from-previous.test.ts',
  'test/adapters/gpu/hung-driver.test.ts',
  'test/hostile/forged-pool.test.ts',
  'test/app/waiting/timeout.test.ts',
  'test/fleet/cut-network.test.ts',
  'test/fleet/silent-caller.test.ts',
  'test/fleet/silent-host.test.ts',
]

/** These files run a second time with the commands' pool behind a daemon (test/support/pool.ts). */
const DAEMON_MODE_FILES = [
  'test/cli/commands/admin.test.ts',
  'test/cli/commands/booking-faults.test.ts',
  'test/cli/commands/bookings.test.ts',
  'test/cli/commands/broken-bookings.test.ts',
  'test/cli/commands/completion.test.ts',
  'test/cli/commands/doctor-files.test.ts',
  'test/cli/commands/doctor.test.ts',
  'test/cli/commands/exact-gpus.test.ts',
  'test/cli/commands/first-contact.test.ts',
  'test/cli/commands/import.test.ts',
  'test/cli/commands/report.test.ts',
  'test/cli/commands/reserve.test.ts',
  'test/cli/commands/reset-extend-release.test.ts',
  'test/cli/commands/scripts.test.ts',
  'test/cli/commands/status-model.test.ts',
  'test/cli/commands/status.test.ts',
  'test/cli/commands/threshold.test.ts',
  'test/cli/commands/watch.test.ts',
  'test/cli/configured.test.ts',
  'test/cli/fleet/board-out.test.ts',
  'test/cli/fleet/doctor-board.test.ts',
  'test/cli/fleet/hosts.test.ts',
  'test/cli/fleet/present-own.test.ts',
  'test/cli/fleet/wrong-clock.test.ts',
  'test/cli/errors.test.ts',
  'test/cli/output.test.ts',
  'test/app/waiting/backfill.test.ts',
  'test/app/waiting/handoff.test.ts',
  'test/app/waiting/leaving.test.ts',
  'test/app/waiting/most-entries.test.ts',
  'test/app/waiting/order.test.ts',
  'test/app/waiting/stopped.test.ts',
  'test/app/waiting/terminal.test.ts',
  'test/app/waiting/timeout.test.ts',
  'test/app/waiting/unusable-gpus.test.ts',
  'test/entries/command.test.ts',
  'test/entries/crowd.test.ts',
  'test/entries/deleted-folder.test.ts',
  'test/entries/endings.test.ts',
  'test/entries/lost-variables.test.ts',
  'test/entries/messages.test.ts',
  'test/entries/start.test.ts',
  'test/entries/terminal.test.ts',
  'test/entries/transparency.test.ts',
  'test/fleet/any-host-limits.test.ts',
  'test/fleet/caller-lost.test.ts',
  'test/fleet/kills.test.ts',
  'test/fleet/run-on-host.test.ts',
  'test/fleet/terminal-on-host.test.ts',
  'test/hostile/screen.test.ts',
  'test/machine/booking-kills.test.ts',
  'test/machine/board-networks.test.ts',
  'test/views/documents.test.ts',
  'test/web/access/connection-limit.test.ts',
  'test/web/api.test.ts',
  'test/web/live/streams.test.ts',
  'test/web/metrics.test.ts',
  'test/web/policy.test.ts',
  'test/web/safety.test.ts',
  'test/web/serving.test.ts',
]
/** Added to the name of a file in the results. */
const DAEMON_MODE = ' (daemon)'

/** Runs every test file in its own process, several at a time, and prints one line for each. */
export async function runAllFiles({ folder, env }) {
  const results = []
  const run = async (queue) => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const result = await runFile(file, { folder, env })
      results.push(result)
      report(result)
    }
  }
  const busy = busyFiles()
  await Promise.all([run([...WAITING_FILES]), ...Array.from({ length: JOBS }, () => run(busy))])
  return results
}

/** Runs `bun test` once with the caller's arguments, and shows its output as it runs. */
export async function runSelected(args, { folder, env }) {
  const named = args.some((arg) => !arg.startsWith('-'))
  const show = (text) => process.stderr.write(text)
  return bunTest([...args, ...(named ? [] : ['./test/'])], { folder, env, show })
}

function busyFiles() {
  const all = readdirSync(join(root, 'test'), { recursive: true })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `test/${name}`)
    .sort()
  const apart = [...LONG_FILES, ...WAITING_FILES]
  const inDaemonMode = DAEMON_MODE_FILES.map((file) => `${file}${DAEMON_MODE}`)
  return [...LONG_FILES, ...all.filter((file) => !apart.includes(file)), ...inDaemonMode]
}

async function runFile(name, { folder, env }) {
  const started = performance.now()
  const file = name.replace(DAEMON_MODE, '')
  const mode = file === name ? {} : { CANHAZGPU_TEST_MODE: 'daemon' }
  const result = await bunTest([`./${file}`], { folder, env: { ...env, ...mode } })
  const failures = result.failures.map((failure) => ({ ...failure, file: name }))
  return { ...result, failures, file: name, seconds: (performance.now() - started) / 1000 }
}

function report({ file, seconds, passed, failed, skipped, output }) {
  if (failed > 0) process.stderr.write(`\n${output}\n`)
  const counts = [
    `${passed} passed`,
    failed > 0 && `${failed} FAILED`,
    skipped.length > 0 && `${skipped.length} skipped`,
  ]
  console.error(`${file}: ${counts.filter(Boolean).join(', ')} (${seconds.toFixed(1)} s)`)
}

/** Bun prints test results on stderr. */
function bunTest(args, { folder, env, show = () => {} }) {
  const program = join(folder, relative(root, bun()))
  const child = spawn(program, ['test', `--timeout=${TEST_TIMEOUT_MS}`, ...args], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text
      show(text)
    })
  }
  return new Promise((resolve) => {
    child.on('close', (status) => resolve({ ...resultsOf(output, status), output }))
  })
}
