import packageJson from '../../package.json' with { type: 'json' }

export const VERSION: string = packageJson.version

/** Set by the build; undefined if the sources run directly. */
declare const BUILT_FROM: string | undefined

/** Set by the build: when its commit was made, in seconds; 0 if that is not known. */
declare const BUILT_AT: number | undefined

/** No clock may be before this time. */
export function builtAt(): number | undefined {
  const seconds = typeof BUILT_AT === 'number' ? BUILT_AT : 0
  return seconds === 0 ? undefined : seconds * 1000
}

/** `0.1.0 (549d991)`: the version, and the commit of the build if it is known. */
export function versionWithCommit(): string {
  const commit = typeof BUILT_FROM === 'string' ? BUILT_FROM : ''
  return commit === '' ? VERSION : `${VERSION} (${commit})`
}
