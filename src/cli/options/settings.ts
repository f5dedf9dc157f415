import { SETTINGS } from '../../domain/settings.ts'
import type { TypedLine } from '../context.ts'
import { type Option, option } from './option.ts'
import type { Parsed } from './parse.ts'

let made: readonly Option[] | undefined

/** Options of every command; they may also precede the command's name. */
export function settingOptions(): readonly Option[] {
  made ??= optionsOfSettings()
  return made
}

function optionsOfSettings(): readonly Option[] {
  const flags = Object.values(SETTINGS).filter(({ flag }) => flag)
  return [
    option('--config <file>', 'Configuration file (default: ~/.canhazgpu.yaml)'),
    ...flags.map(({ key, describe, show, isSwitch }) =>
      isSwitch === true
        ? option(`--${key}`, describe)
        : option(`--${key} <value>`, `${describe} (default: ${show})`),
    ),
    option('-h, --help', 'Show this help'),
  ]
}

/** The parts of a parsed command line that the context uses. */
export function typedLine(
  { options }: Parsed,
  commandLine: readonly string[] | null,
  examines: boolean,
): TypedLine {
  const text = (name: string): string | undefined => {
    const value = options[name]
    return typeof value === 'string' || typeof value === 'boolean' ? String(value) : undefined
  }
  const flags: Record<string, string> = {}
  for (const name of Object.keys(SETTINGS)) {
    const value = text(name)
    if (value !== undefined) flags[name] = value
  }
  const configFile = text('config')
  return {
    flags,
    commandLine,
    examines,
    json: options.json === true,
    waits: commandLine !== null || options.wait !== undefined,
    ...(configFile === undefined ? {} : { configFile }),
  }
}
