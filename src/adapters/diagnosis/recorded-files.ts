import type { ProviderName } from '../../domain/pool/model.ts'
import { firstLine } from '../gpu/driver-text.ts'
import { type NvmlAnswer, parseAnswer } from '../gpu/nvidia/nvml-answer.ts'
import type { ReportedGpu } from '../gpu/reading.ts'
import type { ProgramOutput } from '../gpu/run-program.ts'

/** A command of a driver, and its answer; null if it did not end. */
export interface Recorded {
  readonly args: readonly string[]
  output: ProgramOutput | null
}

/** Texts by the path of their file. */
export type Files = Readonly<Record<string, string>>

/** The files of one driver: the answers as they were, and in the forms that the stand-ins read. */
export function recordedFiles(provider: ProviderName, recorded: readonly Recorded[]): Files {
  const forms = {
    nvml: nvmlFiles,
    'nvidia-smi': nvidiaSmiFiles,
    'amd-smi': amdSmiFiles,
    fake: () => ({}),
  }[provider](recorded)
  const all = { ...forms, 'answers.txt': answersText(provider, recorded) }
  return Object.fromEntries(Object.entries(all).map(([name, text]) => [`${provider}/${name}`, text]))
}

function answersText(provider: ProviderName, recorded: readonly Recorded[]): string {
  return recorded
    .map(({ args, output }) => {
      const head = `$ ${provider} ${args.join(' ')}\n`
      if (output === null) return `${head}(no answer)\n`
      const { exitCode, signal, stdout, stderr } = output
      return `${head}(exit ${signal ?? exitCode})\n${stdout}\n${stderr === '' ? '' : `(stderr)\n${stderr}\n`}`
    })
    .join('\n')
}

/** The last answer to a question that begins with these words. Earlier ones were rejected. */
function answerTo(recorded: readonly Recorded[], ...words: readonly string[]): Recorded | undefined {
  return recorded.findLast(({ args }) => words.every((word, at) => args[at]?.startsWith(word) === true))
}

const QUERY_GPUS = '--query-gpu='
const QUERY_APPS = '--query-compute-apps='

function nvidiaSmiFiles(recorded: readonly Recorded[]): Files {
  const gpus = answerTo(recorded, QUERY_GPUS)
  const apps = answerTo(recorded, QUERY_APPS)
  const list = answerTo(recorded, '-L')?.output?.stdout
  return {
    ...tableFile('gpus.tsv', gpus, QUERY_GPUS),
    ...tableFile('apps.tsv', apps, QUERY_APPS),
    ...(list === undefined ? {} : { 'list.txt': list }),
    ...failureFiles(gpus),
  }
}

/** A line of field names, and a line for each row. Only the last field may contain a comma. */
function tableFile(name: string, asked: Recorded | undefined, question: string): Files {
  const fields = asked?.args[0]?.slice(question.length).split(',') ?? []
  const rows = rowsOf(asked, fields.length)
  if (asked?.output == null || (asked.output.exitCode !== 0 && rows.length === 0)) return {}
  return { [name]: [fields, ...rows].map((row) => `${row.join('\t')}\n`).join('') }
}

function rowsOf(asked: Recorded | undefined, width: number): readonly (readonly string[])[] {
  return linesOf(asked).flatMap((line) => {
    const cells = line.replaceAll('\t', ' ').split(', ')
    return cells.length < width ? [] : [[...cells.slice(0, width - 1), cells.slice(width - 1).join(', ')]]
  })
}

const linesOf = (asked: Recorded | undefined): readonly string[] =>
  (asked?.output?.stdout ?? '').split('\n').filter((line) => line.trim() !== '')

/** How a failed program ended, and its complaint. */
function failureFiles(asked: Recorded | undefined): Files {
  const output = asked?.output
  if (output == null || output.exitCode === 0) return {}
  const width = asked?.args[0]?.split(',').length ?? 1
  const complaints = linesOf(asked).filter((line) => line.split(', ').length < width)
  return {
    'complaint.txt': `${[...complaints, output.stderr.trimEnd()].filter((line) => line !== '').join('\n')}\n`,
    'status.txt': `${output.exitCode ?? 1}\n`,
  }
}

const DOCUMENTS: readonly (readonly [file: string, ...words: readonly string[]])[] = [
  ['list-e.json', 'list', '-e'],
  ['list.json', 'list', '--json'],
  ['asic.json', 'static', '--asic'],
  ['metric.json', 'metric'],
  ['process.json', 'process', '--json'],
]

function amdSmiFiles(recorded: readonly Recorded[]): Files {
  const found = DOCUMENTS.flatMap(([file, ...words]) => {
    const output = answerTo(recorded, ...words)?.output
    return output?.exitCode === 0 ? [[file, output.stdout] as const] : []
  })
  return { ...Object.fromEntries(found), ...failureFiles(answerTo(recorded, 'static', '--asic')) }
}

const MIB = 1024 * 1024

/** The facts of test/stand-ins/nvml.c. NVML's own numbers are not known here, so they are made from the readings. */
function nvmlFiles(recorded: readonly Recorded[]): Files {
  const output = recorded[0]?.output
  const answer = output == null ? undefined : answerIn(output.stdout)
  if (answer?.kind !== 'gpus') return {}
  return { 'nvml.txt': answer.gpus.flatMap(nvmlFacts).join('') }
}

function answerIn(stdout: string): NvmlAnswer | undefined {
  try {
    return parseAnswer(stdout)
  } catch {
    return undefined
  }
}

function nvmlFacts({ index, uuid, name, state }: ReportedGpu): readonly string[] {
  const fact = (key: string, value: string | number | undefined) =>
    value === undefined ? [] : [`gpu ${index} ${key} ${value}\n`]
  const named = [...fact('uuid', firstLine(uuid)), ...fact('name', firstLine(name))]
  if (state.kind === 'fault') {
    return [...named, ...fact(uuid === '' ? 'handle-error' : 'memory-error', UNKNOWN_ERROR)]
  }
  const { memoryUsedMb, memoryTotalMb, utilizationPercent, temperatureC, powerW, mig, processes } = state
  const bytes = (mb: number | undefined) => (mb === undefined ? undefined : Math.round(mb * MIB))
  return [
    ...named,
    ...(memoryTotalMb === undefined
      ? fact('memory-error', NOT_SUPPORTED)
      : [...fact('total', bytes(memoryTotalMb)), ...fact('used', bytes(memoryUsedMb))]),
    ...fact('util', utilizationPercent),
    ...fact('temp', temperatureC),
    ...fact('power', powerW === undefined ? undefined : Math.round(powerW * 1000)),
    ...fact('mig', mig === undefined ? undefined : Number(mig)),
    ...(processes === undefined ? fact('processes-error', NOT_SUPPORTED) : []),
    ...(processes ?? []).map(({ pid, memoryMb, graphics }) => {
      const kind = graphics === true ? 'graphics' : 'compute'
      return `process ${index} ${kind} ${pid} ${bytes(memoryMb) ?? -1}\n`
    }),
  ]
}

/** `NVML_ERROR_NOT_SUPPORTED` and `NVML_ERROR_UNKNOWN` of nvml.h. */
const NOT_SUPPORTED = 3
const UNKNOWN_ERROR = 999
