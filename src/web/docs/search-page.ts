import type { DocsPage } from './bundle-docs.ts'
import { type Hit, LONGEST_QUERY, termsOf } from './search.ts'

/** The answer to a query, as a page. */
export function searchPage(query: string, hits: readonly Hit[]): DocsPage {
  const shown = Bun.escapeHTML(query.slice(0, LONGEST_QUERY))
  const found =
    hits.length === 0 ? nothing(shown) : `<ol class="hits">\n${hits.map(item(query)).join('\n')}\n</ol>`
  return { title: 'Search', html: `<h1>Search</h1>\n${query === '' ? '' : found}\n` }
}

const nothing = (query: string): string =>
  `<p>No page contains all words of “${query}”. Try fewer words, or the start of a word.</p>`

const item =
  (query: string) =>
  ({ section: { href, page, heading }, excerpt }: Hit): string => {
    const place = heading === '' || heading === page ? page : `${page} › ${heading}`
    return `<li><a href="${href}">${Bun.escapeHTML(place)}</a><p>${marked(excerpt, query)}</p></li>`
  }

/** Marks the terms. The text is escaped piece by piece, so a term never splits an entity. */
function marked(text: string, query: string): string {
  const terms = termsOf(query).map(RegExp.escape).join('|')
  return text
    .split(new RegExp(`(?<![\\p{L}\\p{N}])(${terms})`, 'giu'))
    .map((piece, at) => (at % 2 === 1 ? `<mark>${Bun.escapeHTML(piece)}</mark>` : Bun.escapeHTML(piece)))
    .join('')
}
