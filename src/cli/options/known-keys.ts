import { CanhazgpuError } from '../../domain/errors.ts'
import { SETTINGS } from '../../domain/settings.ts'
import type { Warn } from '../../domain/warnings.ts'
import { COMMANDS } from '../registry.ts'
import { settingOf } from './configured.ts'

export interface KeyedFile {
  readonly path: string
  readonly values: Readonly<Record<string, unknown>>
  readonly quotable: boolean
}

const REDIS = /^redis(\.|$)/

/** Throws `config-invalid` for an unknown key; warns about keys that have no effect in this version. */
export async function checkKeys(files: readonly KeyedFile[], warn: Warn): Promise<void> {
  for (const file of files) {
    const keys = Object.keys(file.values)
    if (keys.some((key) => REDIS.test(key))) {
      const message = `redis.* in ${file.path} has no effect: the pool is kept in a file of this machine, and no server is needed - remove it, and see 'canhazgpu admin --help' to set up the pool`
      warn({ code: 'config-without-effect', message })
    }
    for (const [key, value] of Object.entries(file.values)) await checkKey(key, value, file)
  }
}

async function checkKey(key: string, value: unknown, { path, quotable }: KeyedFile): Promise<void> {
  const known = [...globalKeys(), ...(await keysOfCommand(key))]
  if (known.includes(key) || REDIS.test(key) || isEmptySection(key, value)) return
  throw new CanhazgpuError('config-invalid', `Unknown key${quotable ? ` '${key}'` : ''} in ${path}`, {
    hint: `known keys: ${known.join(', ')}, and COMMAND.OPTION such as run.timeout`,
  })
}

const globalKeys = (): readonly string[] =>
  Object.values(SETTINGS).flatMap(({ key, alias }) => (alias === undefined ? [key] : [key, alias]))

/** The options of the command that the key begins with. */
async function keysOfCommand(key: string): Promise<readonly string[]> {
  const entry = COMMANDS.find(({ name }) => key.startsWith(`${name}.`))
  if (entry === undefined) return []
  const { own } = await entry.load()
  return own.flatMap((option) => settingOf(entry.name, option)?.key ?? [])
}

/** Whether the key is a section without keys. An example is `run:` if every line below it is a comment. */
function isEmptySection(key: string, value: unknown): boolean {
  const isEmpty = value === null || (typeof value === 'object' && Object.keys(value).length === 0)
  return isEmpty && (key === 'memory' || COMMANDS.some(({ name }) => name === key))
}
