import type { Command, Help } from 'commander'

/** `Usage:` and the list of commands first, as people know them from other tools. */
export function formatHelp(command: Command, helper: Help): string {
  const section = (title: string, items: readonly (readonly [string, string])[]): string[] => {
    if (items.length === 0) return []
    const width = Math.max(...items.map(([term]) => term.length))
    return ['', `${title}:`, ...items.map(([term, text]) => `  ${term.padEnd(width)}  ${text}`)]
  }
  const commands = helper.visibleCommands(command)
  const options = helper.visibleOptions(command)
  return [
    `Usage: ${helper.commandUsage(command)}`,
    ...(command.parent === null ? [] : ['', helper.commandDescription(command)]),
    ...section(
      'Commands',
      commands.map((each) => [each.name(), each.description()] as const),
    ),
    ...section(
      'Options',
      options.map((option) => [helper.optionTerm(option), option.description] as const),
    ),
    '',
  ].join('\n')
}
