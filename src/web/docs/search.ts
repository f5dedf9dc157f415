import type { DocsPage } from './bundle-docs.ts'

/** A part of a page under one heading. */
export interface Section {
  /** The address of the heading. */
  readonly href: string
  readonly page: string
  readonly heading: string
  readonly text: string
}

export interface Hit {
  readonly section: Section
  /** The text around the first term. */
  readonly excerpt: string
}

export const LONGEST_QUERY = 200
const MOST_TERMS = 10
const MOST_HITS = 30

/** Characters of the excerpt before and after the first term. */
const BEFORE = 60
const AFTER = 140

/** The words of a query, in lower case; a flag such as `--gpu-ids` is one word. */
export const termsOf = (query: string): readonly string[] => [
  ...new Set(
    (
      query
        .slice(0, LONGEST_QUERY)
        .toLowerCase()
        .match(/[_./-]*[\p{L}\p{N}][\p{L}\p{N}_./-]*/gu) ?? []
    ).slice(0, MOST_TERMS),
  ),
]

export function sectionsOf(path: string, { title, html }: DocsPage): readonly Section[] {
  return html.split(/(?=<h[1-3] id=")/).map((part) => {
    const [, id, heading = ''] = /^<h[1-3] id="([^"]*)">(.*?)<\/h[1-3]>/s.exec(part) ?? []
    return {
      href: id === undefined ? path : `${path}#${id}`,
      page: title,
      heading: plain(heading),
      text: plain(part.slice(part.indexOf('</h') < 0 ? 0 : part.indexOf('>', part.indexOf('</h')) + 1)),
    }
  })
}

/** The sections that contain each term at the start of a word, best first. */
export function search(sections: readonly Section[], query: string): readonly Hit[] {
  const terms = termsOf(query).map((term) => new RegExp(`(?<![\\p{L}\\p{N}])${RegExp.escape(term)}`, 'giu'))
  if (terms.length === 0) return []
  return sections
    .map((section) => ({ section, points: pointsOf(section, terms) }))
    .filter(({ points }) => points > 0)
    .sort((a, b) => b.points - a.points)
    .slice(0, MOST_HITS)
    .map(({ section }) => ({ section, excerpt: excerptOf(section.text, terms) }))
}

/** 0 if a term is missing. A term in a heading tells more than several in the text. */
function pointsOf({ page, heading, text }: Section, terms: readonly RegExp[]): number {
  let points = 0
  for (const term of terms) {
    const inText = Math.min(5, [...text.matchAll(term)].length)
    const inHeading = heading.search(term) < 0 ? 0 : 10
    const inTitle = page.search(term) < 0 ? 0 : 6
    if (inText + inHeading + inTitle === 0) return 0
    points += inText + inHeading + inTitle
  }
  return points
}

function excerptOf(text: string, terms: readonly RegExp[]): string {
  const places = terms.map((term) => text.search(term)).filter((place) => place >= 0)
  const first = places.length === 0 ? 0 : Math.min(...places)
  const start = first < BEFORE ? 0 : text.indexOf(' ', first - BEFORE) + 1
  const end = first + AFTER
  return `${start > 0 ? '… ' : ''}${text.slice(start, end)}${end < text.length ? ' …' : ''}`
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }

const plain = (html: string): string =>
  html
    .replace(/<[^>]*>/g, ' ')
    .replace(/&(amp|lt|gt|quot|#39);/g, (entity, name: string) => ENTITIES[name] ?? entity)
    .replace(/\s+/g, ' ')
    .trim()
