import { posix } from 'node:path'

/** The address of the page for a file of the repository; undefined if the file is not documentation. */
export function pagePath(file: string): string | undefined {
  if (file === 'README.md') return '/docs/'
  const [, name] = /^docs\/((?:[\w-]+\/)*[\w-]+)\.md$/.exec(file) ?? []
  return name === undefined ? undefined : `/docs/${name.replace(/\/README$/, '/')}`
}

/** The address on the server for a link in a file; null if the server does not have the target. */
export function servedLink(link: string, file: string): string | null {
  if (/^https?:/.test(link)) return link
  const [path = '', anchor] = link.split('#')
  const target = path === '' ? file : posix.join(posix.dirname(file), path)
  const page = target === 'docs/adr/' ? '/docs/adr/' : pagePath(target.replace(/\/$/, '/README.md'))
  if (page === undefined) return null
  return anchor === undefined ? page : `${page}#${anchor}`
}
