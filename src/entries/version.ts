import packageJson from '../../package.json' with { type: 'json' }

export const VERSION: string = packageJson.version

/** Replaced by the build; a checkout that runs without one has none. */
declare const BUILT_FROM: string | undefined

/** `0.1.0 (549d991)`: the version, and the commit that it was built from where that is known. */
export function versionWithCommit(): string {
  const commit = typeof BUILT_FROM === 'string' ? BUILT_FROM : ''
  return commit === '' ? VERSION : `${VERSION} (${commit})`
}
