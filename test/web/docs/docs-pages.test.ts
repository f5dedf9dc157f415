import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Browser } from 'playwright-core'
import { servedLink } from '../../../src/web/docs/docs-links.ts'
import { repositoryUrl } from '../../../src/web/docs/repository.ts'
import { page } from '../../../src/web/page/page.ts'
import { needing } from '../../support/needs.ts'
import { BROWSER, openBrowser, openPage, violations } from '../browser.ts'
import { startDemo } from '../demo-server.ts'
import type { TestServer } from '../web-server.ts'

let demo: Awaited<ReturnType<typeof startDemo>>
let server: TestServer

beforeAll(async () => {
  demo = await startDemo()
  server = demo.server
})
afterAll(() => demo?.[Symbol.asyncDispose]())

/** Every page of the documentation by its path, found through links from the first page. */
async function allPages(): Promise<ReadonlyMap<string, string>> {
  const pages = new Map<string, string>()
  const unvisited = ['/docs/']
  for (let path = unvisited.pop(); path !== undefined; path = unvisited.pop()) {
    if (pages.has(path)) continue
    const answer = await server.get(path)
    expect({ path, status: answer.status }).toEqual({ path, status: 200 })
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
    pages.set(path, await answer.text())
    unvisited.push(
      ...linksOf(pages.get(path) ?? '').flatMap((link) => /^\/docs\/[^#]*/.exec(link)?.[0] ?? []),
    )
  }
  return pages
}

const linksOf = (html: string): string[] =>
  [...html.matchAll(/\shref="([^"]+)"/g)].map(([, link]) => link ?? '')

describe('the documentation, served by the executable', () => {
  test('has every page of docs, and every link and anchor has a target', async () => {
    const pages = await allPages()
    for (const name of new Bun.Glob('**/*.md').scanSync(new URL('../../../docs', import.meta.url).pathname)) {
      expect([...pages.keys()]).toContain(`/docs/${name.replace(/(README)?\.md$/, '')}`)
    }
    const broken: string[] = []
    for (const [path, html] of pages) {
      for (const link of linksOf(html)) {
        if (/^https?:/.test(link)) continue
        const [to = '', anchor] = link.split('#')
        const target = pages.get(to)
        if (anchor !== undefined && !target?.includes(` id="${anchor}"`)) broken.push(`${path}: ${link}`)
        if (target === undefined && (await server.get(to)).status !== 200) broken.push(`${path}: ${link}`)
      }
    }
    expect(broken).toEqual([])
  })

  test('runs no inline script and loads nothing from other servers', async () => {
    for (const html of (await allPages()).values()) {
      expect(html).not.toMatch(/<style|\sstyle=|<script>|\son\w+=|<img|<iframe|src="http/)
    }
  })

  test('redirects from /docs to /docs/, and answers 404 for an unknown page', async () => {
    const answer = await fetch(`${server.url}/docs`, { redirect: 'manual' })
    expect({ status: answer.status, location: answer.headers.get('location') }).toEqual({
      status: 308,
      location: '/docs/',
    })
    for (const path of ['/docs/nothing', '/docs/../../etc/passwd', '/docs/web.md', '/docs/__proto__']) {
      expect((await server.get(path)).status).toBe(404)
    }
  })
})

test.each([
  ['commands/run.md', 'docs/web.md', '/docs/commands/run'],
  ['README.md#waiting', 'docs/commands/run.md', '/docs/commands/#waiting'],
  ['docs/web.md#the-api', 'README.md', '/docs/web#the-api'],
  ['../trust.md', 'docs/adr/0001-x.md', '/docs/trust'],
  ['policy.md#here', 'docs/administration/daemon.md', '/docs/administration/policy#here'],
  ['../administration/', 'docs/adr/0001-x.md', '/docs/administration/'],
  ['#here', 'docs/web.md', '/docs/web#here'],
  ['adr/', 'docs/web.md', '/docs/adr/'],
  ['https://example.org/', 'README.md', 'https://example.org/'],
  ['LICENSE', 'README.md', null],
  ['javascript:alert(1)', 'README.md', null],
])('the link %p in %p leads to %p', (link, file, served) => {
  expect(servedLink(link, file)).toBe(served)
})

describe('the link to GitHub', () => {
  const url = 'https://github.com/ann/gpus'
  test.each([
    [undefined, null],
    ['ann/gpus', url],
    ['github:ann/gpus', url],
    [`${url}.git`, url],
    [{ type: 'git', url: `git+${url}.git` }, url],
    ['git@github.com:ann/gpus.git', url],
    [{ url: 'git+ssh://git@github.com/ann/gpus.git' }, url],
    ['javascript:alert(1)', null],
    [{ url: 7 }, null],
  ])('repository %p: %p', (repository, expected) => {
    expect(repositoryUrl(repository === undefined ? {} : { repository })).toBe(expected)
  })

  test('is in the page only if package.json names a repository', () => {
    const files = { script: '/s', style: '/c', docsStyle: '/d', boot: '/b' }
    expect(page(files, { title: 'GPUs', repository: url })).toContain(
      `<meta name="repository" content="${url}">`,
    )
    expect(page(files, { title: 'GPUs', repository: null })).not.toContain('repository')
  })
})

needing(BROWSER).describe('in a browser', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await openBrowser()
  })
  afterAll(() => browser?.close())

  test('the link Documentation leads to accessible pages of this server, which link back', async () => {
    const { repository } = await Bun.file(new URL('../../../package.json', import.meta.url)).json()
    await using opened = await openPage(browser, server.url)
    const dashboard = opened.page
    expect(await dashboard.getByRole('link', { name: 'GitHub' }).count()).toBe(
      repository === undefined ? 0 : 1,
    )
    await dashboard.getByRole('link', { name: 'Documentation' }).click()
    await dashboard.getByRole('heading', { level: 1, name: 'canhazgpu' }).waitFor()
    expect(new URL(dashboard.url()).pathname).toBe('/docs/')
    await dashboard.getByRole('navigation').getByRole('link', { name: 'The dashboard' }).click()
    await dashboard.getByRole('heading', { level: 1, name: 'The dashboard' }).waitFor()
    expect(await violations(dashboard)).toEqual([])
    await dashboard.setViewportSize({ width: 360, height: 740 })
    expect(
      await dashboard.evaluate(() => document.documentElement.scrollWidth - innerWidth),
    ).toBeLessThanOrEqual(0)
    await dashboard.getByRole('link', { name: 'Dashboard', exact: true }).click()
    await dashboard.locator('.card').first().waitFor()
    expect(opened.browserErrors).toEqual([])
    expect([...opened.origins]).toEqual([server.url])
  })
})
