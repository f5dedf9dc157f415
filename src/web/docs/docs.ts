import { type Asset, htmlAsset } from '../page/assets.ts'
import { docsDocument, type PageFiles } from '../page/page.ts'
import { bundleDocs } from './bundle-docs.ts' with { type: 'macro' }
import type { DocsPage } from './bundle-docs.ts'

/** The pages of the documentation by their addresses. */
export function openDocs(files: Pick<PageFiles, 'docsStyle' | 'boot'>): ReadonlyMap<string, Asset> {
  const pages: Readonly<Record<string, DocsPage>> = bundleDocs()
  const contents = Object.entries(pages)
    .filter(([path]) => !/^\/docs\/[\w-]+\/./.test(path))
    .map(([path, { title }]) => ({ path, title }))
  return new Map(
    Object.entries(pages).map(([path, page]) => [
      path,
      htmlAsset(docsDocument({ path, page, contents, files })),
    ]),
  )
}
