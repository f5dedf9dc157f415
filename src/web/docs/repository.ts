/** The web address of the repository in package.json; null if it names none. */
export function repositoryUrl({ repository }: { readonly repository?: unknown }): string | null {
  const named =
    typeof repository === 'object' && repository !== null && 'url' in repository ? repository.url : repository
  if (typeof named !== 'string') return null
  const short = /^(?:github:)?([\w.-]+\/[\w.-]+)$/.exec(named)?.[1]
  const address = (short === undefined ? named : `https://github.com/${short}`)
    .replace(/^git\+/, '')
    .replace(/^git@([\w.-]+):/, 'https://$1/')
    .replace(/^(?:ssh|git):\/\/(?:git@)?/, 'https://')
    .replace(/\.git$/, '')
  return /^https?:\/\//.test(address) && URL.canParse(address) ? new URL(address).href : null
}
