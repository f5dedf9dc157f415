import * as v from 'valibot'
import { CanhazgpuError } from '../../../domain/errors.ts'
import { firstLine } from '../driver-text.ts'

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const amount = v.pipe(v.number(), v.finite(), v.minValue(0))
const word = v.pipe(v.string(), v.minLength(1))

const Process = v.strictObject({
  pid: v.pipe(count, v.minValue(1)),
  user: v.optional(word),
  uid: v.optional(count),
  name: v.optional(word),
  memory_mb: v.optional(amount),
  command: v.optional(v.string()),
})

const FakeGpu = v.strictObject({
  uuid: v.optional(word),
  name: v.optional(word),
  memory_used_mb: v.optional(amount),
  memory_total_mb: v.optional(amount),
  utilization_percent: v.optional(amount),
  temperature_c: v.optional(amount),
  power_w: v.optional(amount),
  mig: v.optional(v.boolean()),
  processes: v.optional(v.array(Process), []),
  fault: v.optional(word),
  missing: v.optional(v.boolean(), false),
})

const Scenario = v.strictObject({
  delay_ms: v.optional(amount, 0),
  hang: v.optional(v.boolean(), false),
  fail: v.optional(word),
  gpus: v.optional(
    v.record(v.pipe(v.string(), v.regex(/^(0|[1-9]\d{0,3})$/, 'expected a GPU id such as "0"')), FakeGpu),
    {},
  ),
})

export type FakeGpu = v.InferOutput<typeof FakeGpu>
export type FakeProcess = v.InferOutput<typeof Process>
export type FakeScenario = v.InferOutput<typeof Scenario>

/**
 * A scenario as docs/fake-gpus.md describes it. Throws `config-invalid` for anything else, including GPUs that the pool
 * does not have, and names the file, the key and the expected value.
 */
export function parseScenario(text: string, file: string, gpuCount: number): FakeScenario {
  const json = parseJson(text, file)
  // valibot accepts an array as an object.
  if (Array.isArray(json)) throw invalid(file, 'expected an object, got an array')
  const result = v.safeParse(Scenario, json)
  if (!result.success) throw invalid(file, explain(result.issues[0]))
  const unknown = Object.keys(result.output.gpus).find((id) => Number(id) >= gpuCount)
  if (unknown !== undefined) throw invalid(file, `gpus.${unknown}: expected an id from 0 to ${gpuCount - 1}`)
  return result.output
}

/** The error for an unusable scenario, in one line. */
export function invalid(file: string, problem: string, cause?: unknown): CanhazgpuError {
  return new CanhazgpuError('config-invalid', `${file}: ${firstLine(problem)}`, {
    hint: 'docs/fake-gpus.md describes the format; CANHAZGPU_FAKE_USAGE names the file.',
    cause,
  })
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    // The parser's own message may quote the file.
    throw invalid(file, 'expected JSON', cause)
  }
}

function explain(issue: v.BaseIssue<unknown>): string {
  const key = v.getDotPath(issue) ?? 'the document'
  if (issue.expected === 'never') return `${key}: unknown key`
  if (issue.type === 'regex') return `${key}: ${issue.message}`
  return `${key}: expected ${issue.expected}, got ${issue.received}`
}
