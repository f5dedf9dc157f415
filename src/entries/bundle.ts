import { administrators } from '../adapters/accounts/administrators.ts'
import { readLocal } from '../adapters/accounts/users.ts'
import type { Files } from '../adapters/diagnosis/recorded-files.ts'
import { recordDrivers } from '../adapters/diagnosis/recording.ts'
import { withinDeadline } from '../adapters/gpu/deadline.ts'
import { runProgram } from '../adapters/gpu/run-program.ts'
import { hostname, readText } from '../adapters/kernel/procfs.ts'
import { fromByteText } from '../adapters/process/environment.ts'
import { selfCommand } from '../adapters/process/self.ts'
import type { Finding } from '../domain/diagnosis/finding.ts'
import { hideFields, Redaction } from '../domain/diagnosis/redaction.ts'
import { CanhazgpuError } from '../domain/errors.ts'
import type { Millis } from '../domain/pool/model.ts'
import { doctorDocument } from '../views/documents/doctor-document.ts'
import { doctorText } from '../views/words/doctor-words.ts'

/** The commands whose documents a bundle has. They change nothing. */
const COMMANDS: readonly (readonly [file: string, ...words: readonly string[]])[] = [
  ['settings.json', 'admin', '--show'],
  ['status.json', 'status'],
  ['queue.json', 'queue'],
  ['schedule.json', 'schedule'],
  ['policy.json', 'policy'],
]

export interface Bundled {
  readonly version: string
  readonly findings: readonly Finding[]
  /** The settings that were typed, as options. */
  readonly options: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly probeTimeout: Millis
  /** Keys of the configuration, by file. Their values may be secret. */
  readonly keys: Readonly<Record<string, readonly string[]>>
}

/** What a bug report needs, without the names of people and hosts, notes and command lines. */
export async function bundleFiles(bundled: Bundled): Promise<Files> {
  const { version, findings, env, probeTimeout, keys } = bundled
  const [drivers, documents] = await Promise.all([recordDrivers(env, probeTimeout), documentsOf(bundled)])
  const redaction = new Redaction()
  hideMachine(redaction)
  const all = { ...documents, 'doctor.json': doctorDocument(version, findings), 'configuration.json': keys }
  for (const document of Object.values(all)) {
    hideFields(document, redaction)
    redaction.hideHomes(JSON.stringify(document))
  }
  hideProcesses(drivers, redaction)
  const texts = {
    'doctor.txt': doctorText(findings, { color: false }),
    'machine.txt': machineText(version),
    ...prefixed('drivers', drivers),
  }
  for (const text of Object.values(texts)) redaction.hideHomes(text)
  return Object.fromEntries([
    ...Object.entries(all).map(([file, document]) => [file, jsonText(redaction.value(document))] as const),
    ...Object.entries(texts).map(([file, text]) => [file, redaction.text(text)] as const),
  ])
}

const jsonText = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

const prefixed = (folder: string, files: Files): Files =>
  Object.fromEntries(Object.entries(files).map(([path, text]) => [`${folder}/${path}`, text]))

/** Accounts of people have ids from here on (UID_MIN of login.defs). */
const FIRST_PERSON = 1_000

function hideMachine(redaction: Redaction): void {
  const host = hostname()
  redaction.hide('host', host)
  redaction.hide('host', host.split('.')[0] ?? host)
  for (const name of administrators()) redaction.hide('user', name)
  for (const [, name = '', uid] of readLocal('/etc/passwd').matchAll(/^([^:\n]+):[^:\n]*:(\d+):/gm)) {
    if (Number(uid) >= FIRST_PERSON && name !== 'nobody') redaction.hide('user', name)
  }
}

/** The names of processes in the answers of the drivers can be whole command lines. */
function hideProcesses(drivers: Files, redaction: Redaction): void {
  const apps = (drivers['nvidia-smi/apps.tsv'] ?? '').split('\n').slice(1)
  for (const row of apps) redaction.hide('command', row.split('\t').at(-1) ?? '')
  const processes = drivers['amd-smi/answers.txt'] ?? ''
  for (const [, name = ''] of processes.matchAll(/"name": ?"((?:[^"\\]|\\.)*)"/g))
    redaction.hide('command', name)
}

const MACHINE_FILES = [
  '/etc/os-release',
  '/proc/version',
  '/proc/driver/nvidia/version',
  '/sys/module/amdgpu/version',
]

function machineText(version: string): string {
  const files = MACHINE_FILES.flatMap((path) => {
    const text = readText(path)
    return text === null ? [] : [`== ${path}\n${fromByteText(text).trim()}\n`]
  })
  return [`canhazgpu ${version}, ${process.arch}\n`, ...files].join('\n')
}

const COMMAND_ENDS_WITHIN_MS: Millis = 45_000

async function documentsOf({ options, env }: Bundled): Promise<Readonly<Record<string, unknown>>> {
  const found = await Promise.all(
    COMMANDS.map(
      async ([file, ...words]) => [file, await documentOf([...words, '--json', ...options], env)] as const,
    ),
  )
  return Object.fromEntries(found)
}

/** The document that the command prints, or its error. */
async function documentOf(words: readonly string[], env: Bundled['env']): Promise<unknown> {
  try {
    const output = await withinDeadline(COMMAND_ENDS_WITHIN_MS, words.join(' '), (signal) =>
      runProgram(selfCommand(words), { env, signal }),
    )
    return JSON.parse(output.stdout === '' ? (output.stderr.trim().split('\n').at(-1) ?? '') : output.stdout)
  } catch (error) {
    if (error instanceof CanhazgpuError) return { error: { code: error.code, message: error.message } }
    if (error instanceof SyntaxError) return { error: { code: 'internal', message: 'no JSON' } }
    throw error
  }
}
