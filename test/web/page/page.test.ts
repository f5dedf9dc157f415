import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Browser, BrowserContextOptions } from 'playwright-core'
import type { SnapshotDocument } from '../../../src/views/schemas/dashboard.ts'
import { needing } from '../../support/needs.ts'
import { type TestPool, testPool } from '../../support/pool.ts'
import { BROWSER, openBrowser, openPage, violations } from '../browser.ts'
import { busyPool, must } from '../busy-pool.ts'
import { startDemo } from '../demo-server.ts'
import { startWeb, type TestServer } from '../web-server.ts'

const HTML_NAME = '<img src=x onerror=alert(1)>'

needing(BROWSER).describe('the page in a browser', () => {
  let browser: Browser
  let pool: TestPool
  let server: TestServer

  beforeAll(async () => {
    browser = await openBrowser()
    pool = await busyPool()
    server = await startWeb(pool)
  })
  afterAll(async () => {
    await browser?.close()
    pool?.[Symbol.dispose]()
  })

  test('shows state, holder and note in words', async () => {
    await using opened = await openPage(browser, server.url)
    const { page } = opened
    const badges = await page.locator('.card .badge').allTextContents()
    expect(badges).toEqual(['In use', 'In use', 'Unreserved', 'Fault', 'Available'])
    const cards = await page.locator('.card').allTextContents()
    expect(cards[0]).toContain('fine-tune')
    expect(cards[0]).toContain('97 %')
    expect(cards[0]).toContain('71 °C')
    expect(cards[1]).toContain('bob')
    expect(cards[2]).toContain('frank')
    expect(cards[3]).toContain('GPU is lost')
    expect(await page.locator('.summary .figure').textContent()).toBe('1')
    expect(await page.locator('.queue tbody').textContent()).toContain('the big one')
    expect(opened.browserErrors).toEqual([])
    expect([...opened.origins]).toEqual([server.url])
  })

  test('a reservation made on the command line appears and disappears without a reload', async () => {
    using own = await testPool(2)
    const web = await startWeb(own)
    await using opened = await openPage(browser, web.url)
    const { page } = opened
    await page.evaluate(() => {
      document.documentElement.dataset.sameDocument = 'yes'
    })
    await must(own, 'reserve', '--gpu-ids', '1', '--note', 'made elsewhere')
    await page.locator('.card', { hasText: 'made elsewhere' }).waitFor()
    await must(own, 'release')
    await page.locator('.card', { hasText: 'made elsewhere' }).waitFor({ state: 'detached' })
    expect(await page.evaluate(() => document.documentElement.dataset.sameDocument)).toBe('yes')
  })

  test('the period of the report can be changed', async () => {
    await using opened = await openPage(browser, server.url)
    const { page } = opened
    const reportRequested = (days: number) =>
      page.waitForResponse((each) => each.url().endsWith(`/api/report?days=${days}`))
    const week = reportRequested(7)
    await page.getByRole('button', { name: '7 days' }).last().click()
    expect((await week).status()).toBe(200)
    const fortnight = reportRequested(14)
    await page.getByLabel('Days, 1 to 90').fill('14')
    expect((await fortnight).status()).toBe(200)
    await page.getByLabel('Days, 1 to 90').fill('91')
    await page.getByRole('button', { name: '90 days' }).click()
    await page.locator('.report-user').first().waitFor()
    expect(opened.browserErrors).toEqual([])
  })

  test('the processes of a card can be shown and hidden with the keyboard', async () => {
    await using opened = await openPage(browser, server.url)
    const { page } = opened
    const button = page.getByRole('button', { name: '1 process on GPU 0' })
    await button.focus()
    expect(await button.getAttribute('aria-expanded')).toBe('false')
    await page.keyboard.press('Enter')
    await page.locator('.processes', { hasText: '999901' }).waitFor()
    expect(await button.getAttribute('aria-expanded')).toBe('true')
    await page.keyboard.press('Space')
    await page.locator('.processes').waitFor({ state: 'detached' })
    expect(await button.getAttribute('aria-expanded')).toBe('false')
  })

  test('the timeline can be moved and zoomed with the keyboard, and has a table', async () => {
    await using opened = await openPage(browser, server.url)
    const { page } = opened
    const hours = page.getByRole('button', { name: '24 h' })
    expect(await hours.getAttribute('aria-pressed')).toBe('true')
    await page.locator('canvas.timeline').focus()
    await page.keyboard.press('-')
    await page.keyboard.press('ArrowLeft')
    expect(await hours.getAttribute('aria-pressed')).toBe('false')
    await hours.click()
    await page.getByText('As a table').first().click()
    await page.locator('.scroll', { hasText: 'fine-tune' }).waitFor()
  })

  const VIEWS: Readonly<Record<string, BrowserContextOptions>> = {
    dark: { colorScheme: 'dark', viewport: { width: 1440, height: 900 } },
    light: { colorScheme: 'light', viewport: { width: 1440, height: 900 } },
    'a phone': {
      colorScheme: 'dark',
      viewport: { width: 360, height: 740 },
      deviceScaleFactor: 2,
      hasTouch: true,
    },
    'a wall screen': { colorScheme: 'dark', viewport: { width: 1920, height: 1080 } },
  }
  for (const [view, options] of Object.entries(VIEWS)) {
    test(`${view}: fits the screen and is accessible`, async () => {
      await using opened = await openPage(
        browser,
        server.url + (view === 'a wall screen' ? '/#wall' : '/'),
        options,
      )
      const { page } = opened
      if (view === 'light') await page.getByRole('button', { name: 'Colours: Dark' }).click()
      if (view !== 'a wall screen') await page.locator('.report-user').first().waitFor()
      for (const button of await page.locator('.disclosure:visible').all()) await button.click()
      expect(
        await page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
      ).toBeLessThanOrEqual(0)
      expect(await violations(page)).toEqual([])
      expect(opened.browserErrors).toEqual([])
    })
  }

  test('a wall screen needs no scrolling', async () => {
    await using opened = await openPage(browser, `${server.url}/#wall`, VIEWS['a wall screen'])
    expect(
      await opened.page.evaluate(() => document.documentElement.scrollHeight - innerHeight),
    ).toBeLessThanOrEqual(0)
  })

  test('is dark even on a light system; the reader can choose light or auto, and the browser stores the choice', async () => {
    await using opened = await openPage(browser, server.url, { colorScheme: 'light' })
    const { page } = opened
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
    const reload = async () => {
      await page.reload()
      await page.locator('.card').first().waitFor()
    }
    const dark = await background()
    await page.getByRole('button', { name: 'Colours: Dark' }).click()
    const light = await background()
    expect(light).not.toBe(dark)
    await reload()
    expect(await background()).toBe(light)
    await page.getByRole('button', { name: 'Colours: Light' }).click()
    await reload()
    expect(await background()).toBe(light)
    await page.emulateMedia({ colorScheme: 'dark' })
    expect(await background()).toBe(dark)
    await page.emulateMedia({ colorScheme: 'light' })
    await page.getByRole('button', { name: 'Colours: Auto' }).click()
    await reload()
    expect(await background()).toBe(dark)
    await page.getByRole('button', { name: 'Colours: Dark' }).waitFor()
  })

  test('cards show the validation text of status', async () => {
    await using opened = await openPage(browser, server.url)
    const { page } = opened
    const texts = await page.locator('.card .validation').allTextContents()
    const documents = await server.json<readonly { readonly validation?: string }[]>('/api/status')
    expect(texts).toEqual(
      documents.flatMap(({ validation }) => validation ?? []).map((text) => `validated: ${text}`),
    )
    expect(texts).toHaveLength(4)
    expect(texts[1]).toBe('validated: no actual usage detected')
    expect(await page.locator('.validation.is-unexpected').count()).toBeGreaterThan(0)
    expect(await page.locator('.demo').count()).toBe(0)
  })

  test('the demo is marked as a demo on the page, in the title and in its documents', async () => {
    await using demo = await startDemo()
    for (const path of ['/', '/#wall']) {
      await using opened = await openPage(browser, demo.server.url + path)
      const { page } = opened
      expect(await page.locator('.demo').textContent()).toContain('made up')
      expect(await page.title()).toBe('Demo · gpu-demo · GPUs')
      expect(await violations(page)).toEqual([])
      expect(opened.browserErrors).toEqual([])
    }
    expect(await (await demo.server.get('/')).text()).toContain('<title>Demo · GPUs</title>')
    expect(await demo.server.json('/api/snapshot')).toHaveProperty('demo', true)
    expect(await server.json('/api/snapshot')).not.toHaveProperty('demo')
  })

  test('names and notes are shown as text', async () => {
    using own = await testPool(2)
    await must(
      own,
      'reserve',
      '--gpu-ids',
      '0',
      '--user',
      HTML_NAME,
      '--note',
      `"><script>alert(2)</script>${HTML_NAME}`,
    )
    own.setFakeDriver({
      gpus: {
        '1': { processes: [{ pid: 999_903, user: HTML_NAME, name: HTML_NAME, memory_mb: 9_000 }] },
      },
    })
    own.start('reserve', '--gpus', '2', '--wait', '--user', HTML_NAME, '--note', HTML_NAME)
    const web = await startWeb(own)
    await using opened = await openPage(browser, web.url)
    const { page } = opened
    await page.locator('.queue tbody', { hasText: HTML_NAME }).waitFor()
    await page.locator('.report-user', { hasText: HTML_NAME }).waitFor()
    await page.getByRole('button', { name: '1 process on GPU 1' }).click()
    for (const details of await page.locator('summary').all()) await details.click()
    expect(await page.locator('.card').first().textContent()).toContain(HTML_NAME)
    expect(await page.locator('img, #app script').count()).toBe(0)
    expect(opened.browserErrors).toEqual([])
  })

  test('without the server, the page shows that it is offline; it reconnects later', async () => {
    using own = await testPool(1)
    const first = await startWeb(own)
    await using opened = await openPage(browser, first.url)
    const { page } = opened
    await page.locator('.connection-live').waitFor()
    await first.stop()
    await page.locator('.notice').waitFor()
    await page.locator('.connection-lost').waitFor()
    await must(own, 'reserve', '--note', 'meanwhile')
    await startWeb(own, '--port', String(first.port))
    await page.locator('.connection-live').waitFor()
    await page.locator('.card', { hasText: 'meanwhile' }).waitFor()
    expect(await page.locator('.notice').count()).toBe(0)
  })

  test('if the driver hangs, reservations are shown, with a notice that has the reason', async () => {
    using own = await testPool(2)
    await must(own, 'reserve', '--gpu-ids', '0', '--note', 'still mine')
    own.setFakeDriver({ hang: true })
    const web = await startWeb(own)
    await using opened = await openPage(browser, web.url)
    const { page } = opened
    const notice = await page.locator('.notice').textContent()
    const { stale } = await web.json<SnapshotDocument>('/api/snapshot')
    expect(stale?.reason_code).toBe('driver-unresponsive')
    expect(notice?.toLowerCase()).toContain(stale?.reason.toLowerCase() ?? 'no reason')
    expect(await page.locator('.connection-live').count()).toBe(1)
    expect(await page.locator('.card').first().textContent()).toContain('still mine')
  })
})
