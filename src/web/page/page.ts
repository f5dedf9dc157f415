import type { DocsPage } from '../docs/bundle-docs.ts'

/** Addresses of the files that the pages load. */
export interface PageFiles {
  readonly script: string
  readonly style: string
  readonly docsStyle: string
  readonly boot: string
}

export interface PageTexts {
  /** The title until the script knows the host. */
  readonly title: string
  readonly repository: string | null
}

/** The HTML of the dashboard. The script adds its content; `boot` sets the chosen theme before the first paint. */
export const page = (
  { script, style, boot }: PageFiles,
  { title, repository }: PageTexts,
): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark">
<title>${Bun.escapeHTML(title)}</title>
${repository === null ? '' : `<meta name="repository" content="${Bun.escapeHTML(repository)}">\n`}<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<script src="${boot}"></script>
<link rel="stylesheet" href="${style}">
<script type="module" src="${script}"></script>
</head>
<body>
<div id="app"></div>
<noscript><p class="noscript">This page needs JavaScript. The same data as JSON: <a href="/api/status">/api/status</a>,
<a href="/api/queue">/api/queue</a>, <a href="/api/report">/api/report</a>.</p></noscript>
</body>
</html>
`

interface DocsParts {
  readonly path: string
  readonly page: DocsPage
  readonly contents: readonly { readonly path: string; readonly title: string }[]
  readonly files: Pick<PageFiles, 'docsStyle' | 'boot'>
  /** What the search field contains. */
  readonly query: string
}

/** The HTML of a documentation page, with a search field and a list of all pages. */
export const docsDocument = ({
  path,
  page: { title, html },
  contents,
  files,
  query,
}: DocsParts): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark">
<title>${Bun.escapeHTML(title)}</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<script src="${files.boot}"></script>
<link rel="stylesheet" href="${files.docsStyle}">
</head>
<body>
<nav aria-label="Documentation">
<a href="/">Dashboard</a>
<form action="/docs/search" role="search">
<input type="search" name="q" value="${Bun.escapeHTML(query)}" maxlength="200" aria-label="Search the documentation" placeholder="Search">
</form>
<ul>
${contents.map((each) => item(each, each.path === path)).join('\n')}
</ul>
</nav>
<main>
${html}</main>
</body>
</html>
`

const item = ({ path, title }: DocsParts['contents'][number], isCurrent: boolean): string =>
  `<li><a href="${path}"${isCurrent ? ' aria-current="page"' : ''}>${Bun.escapeHTML(title)}</a></li>`

export const FAVICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<rect width="32" height="32" rx="7" fill="#0f141b"/>
<rect x="6" y="6" width="9" height="9" rx="2" fill="#3fb950"/>
<rect x="17" y="6" width="9" height="9" rx="2" fill="#58a6ff"/>
<rect x="6" y="17" width="9" height="9" rx="2" fill="#58a6ff"/>
<rect x="17" y="17" width="9" height="9" rx="2" fill="#f85149"/>
</svg>
`
