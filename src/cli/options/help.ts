import type { CommandName } from '../command.ts'
import type { Operand } from '../command-spec.ts'
import type { Option } from './option.ts'

export interface HelpPage {
  /** The text after `Usage: canhazgpu`. */
  readonly synopsis: string
  readonly summary?: string
  readonly commands?: readonly CommandName[]
  readonly operand?: Pick<Operand, 'choices'> | undefined
  readonly options: readonly Option[]
  readonly examples?: readonly string[]
}

/** `Usage:` and the list of commands come first, as in other tools. */
export function helpText({
  synopsis,
  summary,
  commands = [],
  operand,
  options,
  examples = [],
}: HelpPage): string {
  return [
    `Usage: canhazgpu ${synopsis}`,
    ...(summary === undefined ? [] : ['', summary]),
    ...section(
      'Commands',
      commands.map((each) => [each.name, each.summary]),
    ),
    ...section('Arguments', operand?.choices ?? []),
    ...section(
      'Options',
      options.map((each) => [each.flags, each.describe]),
    ),
    ...(examples.length === 0 ? [] : ['', 'Examples:', ...examples.map((example) => `  ${example}`)]),
    '',
  ].join('\n')
}

function section(title: string, items: readonly (readonly [string, string])[]): readonly string[] {
  if (items.length === 0) return []
  const width = Math.max(...items.map(([term]) => term.length))
  return ['', `${title}:`, ...items.map(([term, text]) => `  ${term.padEnd(width)}  ${text}`)]
}
