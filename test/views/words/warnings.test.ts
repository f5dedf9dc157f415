import { expect, test } from 'bun:test'
import { openTrace } from '../../../src/adapters/process/trace.ts'
import { exposedPasswords } from '../../../src/adapters/settings/config-file.ts'
import { OPEN_TO_EVERYONE } from '../../../src/cli/commands/web.ts'
import { warningText } from '../../../src/cli/failures.ts'
import { checkKeys } from '../../../src/cli/options/known-keys.ts'
import { thresholdWarning } from '../../../src/domain/observation/threshold.ts'
import { MACHINE_FILE } from '../../../src/domain/settings.ts'
import type { Dropper } from '../../../src/domain/text/lost-variables.ts'
import { WARNING_CODES, type Warning, type WarningCode } from '../../../src/domain/warnings.ts'
import { daemonAway } from '../../../src/views/words/daemon-away.ts'
import { lostVariablesWords } from '../../../src/views/words/lost-variables.ts'

/** The code, the printed words, and a function that makes the warnings of one situation. */
type Case = readonly [WarningCode, string, () => Promise<readonly Warning[]> | readonly Warning[]]

const file = (path: string, values: Readonly<Record<string, unknown>>) => ({ path, values, quotable: true })

const exposed = (path: string, keys: readonly string[], readers: 'everyone' | 'its group') =>
  exposedPasswords([{ ...file(path, Object.fromEntries(keys.map((key) => [key, 'x']))), readers }])

/** The warnings about the keys of a file. */
async function warningsAboutKeys(values: Readonly<Record<string, unknown>>): Promise<readonly Warning[]> {
  const warnings: Warning[] = []
  await checkKeys([file('/f.yaml', values)], (warning) => void warnings.push(warning))
  return warnings
}

function traceTo(target: string): readonly Warning[] {
  const warnings: Warning[] = []
  openTrace(
    target,
    (warning) => void warnings.push(warning),
  )({ kind: 'error', during: 'status', error: null })
  return warnings
}

const VARIABLES: Readonly<Record<Dropper, string>> = {
  sudo: "sudo drops CUDA_VISIBLE_DEVICES, so its command sees every GPU - use 'sudo --preserve-env=CUDA_VISIBLE_DEVICES,CUDA_DEVICE_ORDER,HIP_VISIBLE_DEVICES COMMAND'",
  doas: "doas drops CUDA_VISIBLE_DEVICES, so its command sees every GPU - add 'setenv { CUDA_VISIBLE_DEVICES CUDA_DEVICE_ORDER HIP_VISIBLE_DEVICES }' to doas.conf, or use 'doas canhazgpu run -- COMMAND'",
  su: "su with a login shell drops CUDA_VISIBLE_DEVICES, so its command sees every GPU - leave out '-' and '--login'",
  tmux: "tmux may start the command in a server that lacks CUDA_VISIBLE_DEVICES and outlives the reservation - use 'canhazgpu run -- COMMAND' inside tmux",
  screen:
    "screen may start the command in a server that lacks CUDA_VISIBLE_DEVICES and outlives the reservation - use 'canhazgpu run -- COMMAND' inside screen",
  ssh: "ssh does not pass CUDA_VISIBLE_DEVICES on, and the GPUs of the other machine are not reserved - use 'ssh HOST canhazgpu run -- COMMAND'",
}
const DROPPERS: readonly Dropper[] = ['sudo', 'doas', 'su', 'tmux', 'screen', 'ssh']

const CASES: readonly Case[] = [
  [
    'threshold-ignored',
    "memory threshold 2000 MB ignored: this pool has 1024 MB - 'sudo canhazgpu admin --memory-threshold 2000' changes it for everyone",
    () => [thresholdWarning({ policy: { allocation: 'lru' } }, 2_000)].filter((each) => each !== undefined),
  ],
  [
    'config-without-effect',
    "redis.* in /f.yaml has no effect: the pool is kept in a file of this machine, and no server is needed - remove it, and see 'canhazgpu admin --help' to set up the pool",
    () => warningsAboutKeys({ 'redis.host': 'localhost', 'redis.port': 6379 }),
  ],
  [
    'password-exposed',
    "web.token in /f.yaml can be read by everyone: run 'chmod 600 /f.yaml'",
    () => exposed('/f.yaml', ['web.token'], 'everyone'),
  ],
  [
    'password-exposed',
    `web.token and web.basic in ${MACHINE_FILE} can be read by its group: move them to a file that only this service can read, named with --config`,
    () => exposed(MACHINE_FILE, ['web.token', 'web.basic'], 'its group'),
  ],
  [
    'open-to-everyone',
    'everyone who can reach this machine can see this page. Set web.token or web.basic in the configuration, or use --host 127.0.0.1',
    () => [OPEN_TO_EVERYONE],
  ],
  ...DROPPERS.map(
    (dropper): Case => [
      'variables-dropped',
      VARIABLES[dropper],
      () => [{ code: 'variables-dropped', message: lostVariablesWords(dropper) }],
    ],
  ),
  [
    'daemon-away',
    'The daemon has not answered since 2026-02-28 14:30:05; still waiting, and the place in the queue is kept',
    () => [daemonAway(new Date(2026, 1, 28, 14, 30, 5).getTime())],
  ],
  [
    'trace-failed',
    "cannot write the trace trace.log: CANHAZGPU_TRACE is 'stderr' or an absolute path",
    () => traceTo('trace.log'),
  ],
]

for (const [code, printed, make] of CASES) {
  test(`${code}: ${printed}`, async () => {
    const warnings = await make()
    expect(warnings.map((warning) => warning.code)).toEqual([code])
    expect(warnings.map((warning) => warningText(warning, false))).toEqual([`Warning: ${printed}\n`])
  })
}

test('every warning has a row', () => {
  // Only root skips a file: test/adapters/settings has that warning.
  const known = new Set<WarningCode>(['config-skipped', ...CASES.map(([code]) => code)])
  expect(WARNING_CODES.filter((code) => !known.has(code))).toEqual([])
})
