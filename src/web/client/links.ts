/** This server also serves the documentation. */
export const DOCUMENTATION = '/docs/'

/** The repository, from the page's meta element; undefined if package.json names none. */
export const REPOSITORY = document.querySelector<HTMLMetaElement>('meta[name="repository"]')?.content
