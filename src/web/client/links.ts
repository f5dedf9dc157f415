/** The documentation, served by the same server. */
export const DOCUMENTATION = '/docs/'

/** Where the source is, if the build knows; the page carries it. */
export const REPOSITORY = document.querySelector<HTMLMetaElement>('meta[name="repository"]')?.content
