import type { Parser } from './parser.ts'
import { amdSmi } from './parsers/amd-smi.ts'
import { commandLines } from './parsers/command-lines.ts'
import { configJson, configToml, configYaml } from './parsers/configuration.ts'
import { daemonRequests } from './parsers/daemon-requests.ts'
import { fakeScenario, nvmlAnswer } from './parsers/driver-answers.ts'
import { durations } from './parsers/durations.ts'
import { gpuIds } from './parsers/gpu-ids.ts'
import { nvidiaSmi } from './parsers/nvidia-smi.ts'
import { proc } from './parsers/proc.ts'
import { screen } from './parsers/screen.ts'
import { settings } from './parsers/settings.ts'
import { snapshots } from './parsers/snapshots.ts'
import { storedPool } from './parsers/stored-pool.ts'
import { times } from './parsers/times.ts'
import { typedWords } from './parsers/typed-words.ts'
import { webRequests } from './parsers/web-requests.ts'

/** All parsers of input from outside. */
export const PARSERS: readonly Parser[] = [
  durations,
  times,
  gpuIds,
  settings,
  configYaml,
  configToml,
  configJson,
  storedPool,
  snapshots,
  nvidiaSmi,
  amdSmi,
  nvmlAnswer,
  fakeScenario,
  proc,
  commandLines,
  typedWords,
  webRequests,
  daemonRequests,
  screen,
]
