import packageJson from '../../package.json' with { type: 'json' }

export const VERSION: string = packageJson.version

/** Set by the build; undefined if the sources run directly. */
declare const BUILT_FROM: string | undefined

/** `0.1.0 (549d991)`: the version, and the commit of the build if it is known. */
export function versionWithCommit(): string {
  const commit = typeof BUILT_FROM === 'string' ? BUILT_FROM : ''
  return commit === '' ? VERSION : `${VERSION} (${commit})`
}
