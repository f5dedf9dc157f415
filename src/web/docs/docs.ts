import { htmlAsset } from '../page/assets.ts'
import { docsDocument, type PageFiles } from '../page/page.ts'
import { bundleDocs } from './bundle-docs.ts' with { type: 'macro' }
import type { DocsPage } from './bundle-docs.ts'
import { type Section, search, sectionsOf } from './search.ts'
import { searchPage } from './search-page.ts'

/** The documentation, as HTML pages. */
export interface Docs {
  /** Undefined if there is no page at this path. */
  readonly page: (path: string, request: Request) => Response | undefined
  /** The sections that contain the words of the query. */
  readonly search: (query: string, request: Request) => Response
}

export function openDocs(files: Pick<PageFiles, 'docsStyle' | 'boot'>): Docs {
  const pages: Readonly<Record<string, DocsPage>> = bundleDocs()
  const contents = Object.entries(pages)
    .filter(([path]) => !/^\/docs\/[\w-]+\/./.test(path))
    .map(([path, { title }]) => ({ path, title }))
  const assets = new Map(
    Object.entries(pages).map(([path, page]) => [
      path,
      htmlAsset(docsDocument({ path, page, contents, files, query: '' })),
    ]),
  )
  let sections: readonly Section[] | undefined
  return {
    page: (path, request) => assets.get(path)?.response(request),
    search(query, request) {
      sections ??= Object.entries(pages).flatMap(([path, page]) => sectionsOf(path, page))
      const page = searchPage(query, search(sections, query))
      return htmlAsset(docsDocument({ path: '/docs/search', page, contents, files, query })).response(request)
    },
  }
}
