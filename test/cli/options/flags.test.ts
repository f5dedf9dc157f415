import { expect, test } from 'bun:test'
import { programOptions } from '../../../src/cli/program.ts'
import { COMMANDS } from '../../../src/cli/registry.ts'

const FLAGS = /^(?:(-\w), )?(?:(-\w), )?(--[\w-]+)(?: (<[^>]+>)| (\[[^\]]+\]))?$/

test('the flags of every option are written in the same way, and read correctly', async () => {
  const commands = await Promise.all(COMMANDS.map(({ load }) => load()))
  const options = [...programOptions(), ...commands.flatMap((command) => command.options)]
  expect(options.length).toBeGreaterThan(150)
  for (const option of options) {
    const [, short, alias, long, required, optional] = FLAGS.exec(option.flags) ?? []
    const takes = required !== undefined ? 'value' : optional !== undefined ? 'optional value' : 'no value'
    expect(option).toMatchObject({ short, alias, long: long ?? `not an option: ${option.flags}`, takes })
  }
})
