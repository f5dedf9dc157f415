import { readConfiguration, settingsFrom } from '../adapters/settings/config.ts'
import type { TypedLine } from '../cli/context.ts'
import { findsNothing } from '../domain/settings.ts'
import type { Warn } from '../domain/warnings.ts'

interface Configuring extends Pick<TypedLine, 'flags'> {
  readonly configFile: string | undefined
  readonly warn: Warn
}

/** The settings of a command line, its files and defaults. Throws `usage` and `config-invalid`. */
export async function configuration({ flags, configFile, warn }: Configuring) {
  const { env } = process
  const { files, lookUp } = await readConfiguration({
    env,
    warn,
    ...(configFile === undefined ? {} : { configFile }),
  })
  if (files.length > 0) {
    const { checkKeys } = await import('../cli/options/known-keys.ts')
    await checkKeys(files, warn)
  }
  return { files, lookUp, settings: settingsFrom({ flags, env }, files) }
}

/**
 * As `configuration`, but without files and variables if they are wrong, and then without flags. For a command that
 * reports them itself.
 */
export async function configurationIfValid({
  flags,
  configFile,
}: Configuring): ReturnType<typeof configuration> {
  const none = { files: [], lookUp: findsNothing }
  return configuration({ flags, configFile, warn: () => {} }).catch(() => {
    try {
      return { ...none, settings: settingsFrom({ flags, env: {} }, []) }
    } catch {
      return { ...none, settings: settingsFrom({ flags: {}, env: {} }, []) }
    }
  })
}
