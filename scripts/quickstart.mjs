import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { executable } from './executable.mjs'

/**
 * `npm run quickstart`: builds canhazgpu and runs a command on reserved GPUs, in a temporary pool. It uses the GPUs of the
 * machine, or simulates four if the machine has none or all are busy.
 */
const TRY_AGAIN_LATER = 75
const SIMULATED_GPUS = 4
const color = process.stdout.isTTY && (process.env.NO_COLOR ?? '') === ''

const canhazgpu = executable()
const folder = mkdtempSync(join(tmpdir(), 'canhazgpu-quickstart-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
process.on('SIGINT', () => process.exit(130))

print(bold('canhazgpu in a temporary pool'))
const found = gpusOfThisMachine()
const shown = found > 0 && (await demonstrate(found, []))
if (!shown) {
  const why = found === 0 ? 'No working GPU driver on this machine' : 'All GPUs of this machine are busy'
  print(`\n${why}, so four GPUs are simulated (--provider fake).`)
  await demonstrate(SIMULATED_GPUS, ['--provider', 'fake'])
}
printNextSteps()

/** False if the GPUs are busy. */
async function demonstrate(count, providerArgs) {
  const env = environment(`pool-${count}-${providerArgs.length}`)
  const wanted = String(Math.min(2, count))
  show(env, ['admin', '--gpus', String(count), ...providerArgs])

  const script = 'echo "CUDA_VISIBLE_DEVICES=$CUDA_VISIBLE_DEVICES"; read _'
  printCommand(`run --gpus ${wanted} -- sh -c '${script}'`)
  const job = start(env, ['run', '--gpus', wanted, '--', 'sh', '-c', script])
  if (!(await job.hasPrinted)) {
    const status = await job.ended
    if (status === TRY_AGAIN_LATER) return false
    process.exit(status)
  }
  explain('The command runs now, with exactly these GPUs. In another terminal:')
  show(env, ['status'])
  job.end()
  await job.ended

  explain('The command has ended, and its GPUs are free again. Their hours are recorded:')
  show(env, ['report'])
  await untilSupervisorsExit(env)
  return true
}

/** A pool in a temporary folder, without the user's settings. */
function environment(name) {
  const own = Object.entries(process.env).filter(([key]) => !key.startsWith('CANHAZGPU_'))
  return {
    ...Object.fromEntries(own),
    HOME: folder,
    CANHAZGPU_STORE: `sqlite://${join(folder, name)}/pool.db`,
  }
}

/** Without a pool, an error suggests how to set one up, with the number of GPUs that the driver reports. */
function gpusOfThisMachine() {
  const { stderr } = spawnSync(canhazgpu, ['status', '--json'], {
    env: environment('none'),
    encoding: 'utf8',
  })
  return Number(/admin --gpus (\d+)/.exec(stderr)?.[1] ?? 0)
}

function show(env, args) {
  printCommand(args.join(' '))
  const { status } = spawnSync(canhazgpu, args, { env, stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) process.exit(status ?? 1)
}

/** A command that ends on request. */
function start(env, args) {
  const child = spawn(canhazgpu, args, { env, stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise((resolve) => child.on('close', (status) => resolve(status ?? 1)))
  const hasPrinted = new Promise((resolve) => {
    child.stdout.once('data', (text) => {
      process.stdout.write(text)
      resolve(true)
    })
    child.on('close', () => resolve(false))
  })
  return { ended, hasPrinted, end: () => child.stdin.end('\n') }
}

/** Supervisors still write to the pool, so its folder must not be removed before they have exited. */
async function untilSupervisorsExit(env) {
  while (supervised(env.CANHAZGPU_STORE)) await new Promise((resolve) => setTimeout(resolve, 5))
}

function supervised(store) {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.some((pid) => {
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      return args.includes('__supervise') && args.includes(store)
    } catch {
      return false
    }
  })
}

function printNextSteps() {
  const count = found > 0 ? found : 'N'
  explain('To share the GPUs of this machine, install the executable and set up the pool once:')
  print('  sudo install -m 755 dist/canhazgpu /usr/local/bin/canhazgpu')
  print('  sudo ln -sf canhazgpu /usr/local/bin/chg')
  print(`  sudo canhazgpu admin --gpus ${count}`)
  explain("Then every user can run 'canhazgpu run -- python train.py'. See README.md.")
}

function printCommand(words) {
  print(`\n${bold(`$ canhazgpu ${words}`)}`)
}

function explain(words) {
  print(`\n${color ? `\u001b[36m${words}\u001b[0m` : words}`)
}

function bold(words) {
  return color ? `\u001b[1m${words}\u001b[0m` : words
}

function print(words) {
  process.stdout.write(`${words}\n`)
}
