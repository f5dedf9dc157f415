import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Browser } from 'playwright-core'
import { search, sectionsOf, termsOf } from '../../../src/web/docs/search.ts'
import { searchPage } from '../../../src/web/docs/search-page.ts'
import { needing } from '../../support/needs.ts'
import { BROWSER, openBrowser, openPage, violations } from '../browser.ts'
import { startDemo } from '../demo-server.ts'

const HTML = `<h1 id="run">run</h1>
<p>Reserves GPUs &amp; runs a <code>command</code>.</p>
<h2 id="a-limit">A <em>time</em> limit</h2>
<p>With <code>--timeout 2h</code> it ends. A limit is &lt; 365 days.</p>
<h2 id="other">Other</h2>
<p>The limit of an account.</p>`

const SECTIONS = sectionsOf('/docs/run', { title: 'run', html: HTML })
const found = (query: string) => search(SECTIONS, query).map(({ section }) => section.href)

test('a page has a section for each heading, as plain text', () => {
  expect(SECTIONS).toEqual([
    {
      ...{ href: '/docs/run#run', page: 'run', heading: 'run' },
      text: 'Reserves GPUs & runs a command .',
    },
    {
      ...{ href: '/docs/run#a-limit', page: 'run', heading: 'A time limit' },
      text: 'With --timeout 2h it ends. A limit is < 365 days.',
    },
    { href: '/docs/run#other', page: 'run', heading: 'Other', text: 'The limit of an account.' },
  ])
})

test.each([
  ['limit', ['/docs/run#a-limit', '/docs/run#other']],
  ['LIMIT account', ['/docs/run#other']],
  ['--timeout', ['/docs/run#a-limit']],
  ['tim', ['/docs/run#a-limit']],
  ['imit', []],
  ['limit nothing', []],
  ['', []],
  ['(', []],
  ['.*', []],
])('%p finds %p: each word at the start of a word, headings first', (query, hrefs) => {
  expect(found(query)).toEqual([...hrefs])
})

test('a query has at most ten words and 200 characters', () => {
  expect(termsOf('a b c d e f g h i j k l')).toHaveLength(10)
  expect(termsOf('x'.repeat(1_000))).toEqual(['x'.repeat(200)])
})

test('what the user typed and what the page says are only text', () => {
  const { html } = searchPage('365 <b>', search(SECTIONS, '365'))
  expect(html).toContain('is &lt; <mark>365</mark> days')
  expect(searchPage('<script>', []).html).not.toContain('<script>')
})

describe('on the server', () => {
  test('finds the page of a flag, and refuses a repeated parameter', async () => {
    await using demo = await startDemo()
    const answer = await demo.server.get('/docs/search?q=--until-booked')
    expect(answer.status).toBe(200)
    expect(await answer.text()).toContain('href="/docs/commands/run#')
    expect((await demo.server.get('/docs/search?q=a&q=b')).status).toBe(400)
    expect((await demo.server.get('/docs/search')).status).toBe(200)
  })
})

needing(BROWSER).describe('in a browser', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await openBrowser()
  })
  afterAll(() => browser?.close())

  test('a search from any page leads to accessible results and to the section', async () => {
    await using demo = await startDemo()
    await using opened = await openPage(browser, demo.server.url)
    const { page } = opened
    await page.goto(`${demo.server.url}/docs/web`)
    await page.getByRole('searchbox').fill('time zone')
    await page.getByRole('searchbox').press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Search' }).waitFor()
    expect(await page.getByRole('searchbox').inputValue()).toBe('time zone')
    expect(await violations(page)).toEqual([])
    const link = page.getByRole('main').getByRole('link').first()
    const target = (await link.getAttribute('href')) ?? ''
    await link.click()
    await page.waitForURL(`${demo.server.url}${target}`)
    expect(opened.browserErrors).toEqual([])
    expect([...opened.origins]).toEqual([demo.server.url])
  })
})
