import { CanhazgpuError } from '../../domain/errors.ts'
import { type Found, findsNothing, type SettingName } from '../../domain/settings.ts'
import { shortened } from '../../domain/text/text.ts'
import { type Option, readValue } from './option.ts'

export type LookUp = (name: SettingName) => Found | undefined

/** The configuration key of a command's own option; null if it has none. */
export function settingOf(command: string, { long, onlyTyped }: Option): SettingName | null {
  if (onlyTyped === true) return null
  const name = long.slice(2)
  const env = `CANHAZGPU_${command}_${name}`.toUpperCase().replaceAll('-', '_')
  return { key: `${command}.${name}`, env }
}

interface Defaults {
  readonly command: string
  readonly own: readonly Option[]
  readonly lookUp: LookUp
  /** Whether the output goes to a terminal. */
  readonly terminal: boolean
}

/**
 * Adds defaults to the typed options: from the environment, else from files, else from the program. If configured
 * options exclude each other, the first one in the command's table is used. Throws `usage` if a typed option lacks one
 * that it needs, and `config-invalid` for a configured value that cannot be used.
 */
export function withDefaults(
  typed: Readonly<Record<string, unknown>>,
  defaults: Defaults,
): Record<string, unknown> {
  const { own, lookUp } = defaults
  const isConfigured = lookUp !== findsNothing
  const chosen = new Set(Object.keys(typed).filter((name) => isGiven(typed[name])))
  const options: Record<string, unknown> = { ...typed }
  for (const option of own.filter(({ name }) => typed[name] === undefined)) {
    const configured = isConfigured ? configuredValue(option, chosen, defaults) : undefined
    if (isGiven(configured)) chosen.add(option.name)
    const value = configured ?? option.default
    if (value !== undefined) options[option.name] = value
  }
  for (const { name, long, needs } of own) {
    if (needs === undefined || options[name] === undefined) continue
    if (own.some((other) => needs.includes(other.long) && isGiven(options[other.name]))) continue
    if (typed[name] !== undefined) throw new CanhazgpuError('usage', `${long} needs ${needs.join(' or ')}`)
    delete options[name]
  }
  return options
}

const isGiven = (value: unknown): boolean => value !== undefined && value !== false

function configuredValue(
  option: Option,
  chosen: ReadonlySet<string>,
  { command, lookUp, terminal }: Defaults,
): unknown {
  const setting = settingOf(command, option)
  if (setting === null || option.isOverridden?.(chosen) || (option.onTerminal && !terminal)) return undefined
  const found = lookUp(setting)
  return found === undefined ? undefined : read(option, found)
}

/** An empty value, as in `timeout:` or `timeout: ""`, counts as not set. */
function read(option: Option, found: Found): unknown {
  const { value } = found
  if (value === null || value === '') return undefined
  const isTrue = value === true || value === 'true'
  const isFalse = value === false || value === 'false'
  switch (option.takes) {
    case 'no value':
      if (isTrue || value === '1') return true
      if (isFalse || value === '0') return false
      throw wrong(found, 'true or false')
    case 'optional value':
      if (isTrue) return true
      if (isFalse) return undefined
      return readText(option, found, () => wrong(found, `true, false or a ${valueName(option)}`))
    case 'value':
      return readText(option, found)
  }
}

/** The name of the value in the help: `duration` for `--wait [duration]`. */
const valueName = ({ flags }: Option): string => /[<[](.*)[>\]]$/.exec(flags)?.[1] ?? 'value'

function readText(option: Option, found: Found, refusal?: () => CanhazgpuError): unknown {
  const { value, where, quotable } = found
  const isText = typeof value === 'string' || typeof value === 'number'
  if (!isText) throw refusal?.() ?? wrong(found, `a ${valueName(option)}`)
  try {
    return readValue(option, String(value))
  } catch (error) {
    if (!(error instanceof CanhazgpuError) || error.code !== 'usage') throw error
    if (refusal !== undefined) throw refusal()
    const message = quotable ? `${where}: ${error.message}` : `Invalid value for ${where}`
    const hint = error.hint === undefined ? {} : { hint: error.hint }
    throw new CanhazgpuError('config-invalid', message, { ...hint, cause: error })
  }
}

function wrong({ value, where, quotable }: Found, expected: string): CanhazgpuError {
  const shown = quotable ? `: ${shownValue(value)}` : ''
  return new CanhazgpuError('config-invalid', `Invalid value for ${where}${shown} - expected ${expected}`)
}

const shownValue = (value: unknown): string =>
  typeof value === 'object' ? (Array.isArray(value) ? '[…]' : '{…}') : shortened(String(value), 200)
