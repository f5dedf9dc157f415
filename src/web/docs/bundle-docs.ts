import { readFileSync } from 'node:fs'
import { Glob } from 'bun'
import { pagePath, servedLink } from './docs-links.ts'

export interface DocsPage {
  readonly title: string
  /** The content of the page, without frame and navigation. */
  readonly html: string
}

/** The README and the pages of `docs`, by their paths on the server. A macro, like `bundleClient`. */
export function bundleDocs(): Readonly<Record<string, DocsPage>> {
  const files = [...new Glob('docs/**/*.md').scanSync(ROOT)].sort()
  const pages = ['README.md', ...files].map((file) => [pagePath(file) ?? '', docsPage(file)] as const)
  const decisions = pages.filter(([path]) => path.startsWith('/docs/adr/'))
  return Object.fromEntries([...pages, ['/docs/adr/', contents('Decisions', decisions)] as const])
}

const ROOT = new URL('../../../', import.meta.url).pathname

function docsPage(file: string): DocsPage {
  const text = readFileSync(ROOT + file, 'utf8')
  const title = /^# (.*)$/m.exec(text)?.[1] ?? file
  return { title, html: adapted(Bun.markdown.html(text, { headings: { ids: true } }), file) }
}

function contents(title: string, pages: readonly (readonly [string, DocsPage])[]): DocsPage {
  const items = pages.map(([path, page]) => `<li><a href="${path}">${Bun.escapeHTML(page.title)}</a></li>`)
  return { title, html: `<h1>${title}</h1>\n<ul>\n${items.join('\n')}\n</ul>\n` }
}

/** Replaces links by the addresses on the server. Removes images, which are too large for the executable. */
function adapted(html: string, file: string): string {
  return new HTMLRewriter()
    .on('a[href]', {
      element(link) {
        const target = servedLink(link.getAttribute('href') ?? '', file)
        if (target === null) link.removeAndKeepContent()
        else link.setAttribute('href', target)
      },
    })
    .on('img', { element: (image) => void image.remove() })
    .on('pre, table', { element: (element) => void element.setAttribute('tabindex', '0') })
    .transform(html)
}
