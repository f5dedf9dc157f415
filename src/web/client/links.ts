/** The documentation, served by the same server. */
export const DOCUMENTATION = '/docs/'

/** The repository, from the page; undefined where the build has none. */
export const REPOSITORY = document.querySelector<HTMLMetaElement>('meta[name="repository"]')?.content
