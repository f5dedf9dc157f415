import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { needing } from '../../support/needs.ts'
import { type TestPool, testPool } from '../../support/pool.ts'
import { ownName } from '../../support/unix-users.ts'
import { until } from '../../support/until.ts'
import { BROWSER, openBrowser, openPage, violations } from '../browser.ts'
import { must } from '../busy-pool.ts'
import { startWeb, type TestServer } from '../web-server.ts'

const HTML = '<img src=x onerror=alert(1)>'
const LONG = 'w'.repeat(60)
const REASON = `fan ${HTML} ${'x'.repeat(150)}`

const H100 = { name: 'NVIDIA H100 80GB HBM3', memory_total_mb: 81_559 }
const A100 = { name: 'NVIDIA A100-SXM4-40GB', memory_total_mb: 40_536 }

/**
 * Two models, a limit that the account has reached, long names, texts that are HTML, a drained GPU without a holder and
 * one with.
 */
async function poolUnderPolicy(): Promise<TestPool> {
  const pool = await testPool(5)
  pool.setFakeDriver({ gpus: { '0': H100, '1': H100, '2': H100, '3': A100, '4': A100 } })
  await must(pool, 'admin', '--refresh')
  await must(pool, 'policy', 'set', 'max-gpus', '2')
  await must(pool, 'policy', 'set', 'max-duration', '2d', '--account', ownName())
  await must(pool, 'policy', 'set', 'default-duration', '90m')
  await must(pool, 'reserve', '--gpu-ids', '0', '--duration', '3h', '--user', LONG, '--note', LONG)
  await must(pool, 'reserve', '--gpu-ids', '3', '--duration', '2h', '--user', HTML)
  await must(pool, 'drain', '2', '--reason', REASON)
  await must(pool, 'drain', '3')
  pool.start('run', '--wait', '--gpu-type', 'h100,a100', '--min-memory', '40G', '--user', LONG, '--', 'true')
  await until('one command waits', async () => {
    const { stdout } = await pool.chg('queue', '--json')
    return JSON.parse(stdout).length === 1
  })
  return pool
}

needing(BROWSER).describe('rules, limits and drains on the page', () => {
  let browser: Browser
  let pool: TestPool
  let server: TestServer
  const name = ownName()

  beforeAll(async () => {
    browser = await openBrowser()
    pool = await poolUnderPolicy()
    server = await startWeb(pool)
  })
  afterAll(async () => {
    await browser?.close()
    pool?.[Symbol.dispose]()
  })

  const open = (path = '/', width = 1440) =>
    openPage(browser, server.url + path, { viewport: { width, height: 900 } })

  test('the rules have their source, author and time; a change appears without a reload', async () => {
    using own = await testPool(1)
    const web = await startWeb(own)
    await using opened = await openPage(browser, web.url)
    const { page } = opened
    const row = (text: string) => page.locator('.policy tbody tr', { hasText: text })
    await row('max-gpus').filter({ hasText: 'everyone (default)' }).waitFor()
    expect(await row('max-gpus').textContent()).toContain('no limit')
    await must(own, 'policy', 'set', 'max-gpus', '3', '--account', name)
    const cells = row(`account ${name}`).locator('th, td')
    await cells.first().waitFor()
    expect((await cells.allTextContents()).slice(0, 4)).toEqual(['max-gpus', '3', `account ${name}`, name])
    expect(await cells.last().textContent()).toMatch(/^\d\d:\d\d$/)
    await page.locator('.accounts tr', { hasText: '0 of 3' }).waitFor()
    expect(opened.browserErrors).toEqual([])
  })

  test('the reader chooses an account; address and browser keep the choice', async () => {
    await using opened = await open()
    const { page } = opened
    const account = page.getByLabel('Account', { exact: true })
    await account.locator('option', { hasText: name }).waitFor({ state: 'attached' })
    expect(await page.locator('.own').count()).toBe(0)
    await account.selectOption(name)
    const facts = async () => {
      await page.locator('.own', { hasText: '% of all' }).waitFor()
      return page.locator('.own .fact').allTextContents()
    }
    const [gpus, end, waiting, longest, ...hours] = await facts()
    expect(gpus).toContain('2 of 2')
    expect(gpus).toContain('GPU 0, 3 · max-gpus of this pool')
    expect(end).toMatch(/in (2h 00m|1h 59m).*one more GPU is allowed from (\w+ \d+ \w+, )?\d\d:\d\d/)
    expect(waiting).toContain('1 of 256')
    expect(longest).toContain(`2dmax-duration of account ${name} · 1h30m if you name none`)
    expect(hours).toHaveLength(2)
    expect(new URL(page.url()).searchParams.get('account')).toBe(name)
    await page.goto(server.url)
    expect((await facts())[0]).toContain('2 of 2')
    await page.goto(`${server.url}/?account=nobody-here`)
    await page.locator('.own', { hasText: 'has no GPU' }).waitFor()
    expect((await facts())[0]).toContain('0 of 2')
    await page.goto(server.url)
    expect((await facts())[0]).toContain('2 of 2')
    await account.selectOption('')
    await page.locator('.own').waitFor({ state: 'detached' })
    expect(new URL(page.url()).search).toBe('')
    await page.reload()
    await page.locator('.accounts').waitFor()
    expect(await page.locator('.own').count()).toBe(0)
    expect(opened.browserErrors).toEqual([])
  })

  test('a drained GPU has author, time and reason on its card and in the table', async () => {
    await using opened = await open()
    const { page } = opened
    const cards = page.locator('.card')
    expect(await cards.nth(2).locator('.badge').textContent()).toBe('Drained')
    expect(await cards.nth(2).locator('.drain-words').textContent()).toMatch(
      new RegExp(`^drained since \\d\\d:\\d\\d \\(.+\\) by ${name}$`),
    )
    expect(await cards.nth(2).locator('.drain-reason').textContent()).toBe(REASON)
    expect(await cards.nth(3).locator('.badge').textContent()).toBe('In use')
    expect(await cards.nth(3).locator('.drain').textContent()).toMatch(/^draining since /)
    await page.getByText('As a table').first().click()
    const row = page.locator('.scroll tr', { hasText: REASON })
    expect((await row.locator('td').allTextContents()).slice(0, 2)).toEqual(['2', name])
    await page
      .locator('.scroll tr', { hasText: /still held, until .+ at the latest \((1h 59m|2h 00m) left\)/ })
      .waitFor()
  })

  test('the timeline shows what comes after now: expected ends and drains', async () => {
    await using opened = await open()
    const { page } = opened
    const canvas = page.locator('canvas.timeline')
    await canvas.scrollIntoViewIfNeeded()
    const { width = 0 } = (await canvas.boundingBox()) ?? {}
    const readoutAt = async (gpu: number, x: number) => {
      await canvas.hover({ position: { x, y: gpu * 26 + 13 } })
      return page.locator('.timeline-readout').textContent()
    }
    // A quarter of the width is after now: six hours.
    expect(await readoutAt(0, width * 0.8)).toMatch(/^GPU 0: w+ \(.+\), until .+ at the latest/)
    const drained = await readoutAt(2, width - 5)
    expect(drained).toStartWith(`GPU 2: drained by ${name} since `)
    expect(drained).toEndWith(` – ${REASON}`)
    expect(await readoutAt(4, width - 5)).toContain('Point at a bar')
    expect(await readoutAt(0, width * 0.95)).toContain('Point at a bar')
  })

  test('a waiting request shows its types and memory, and the limit; a machine with two models shows both', async () => {
    await using opened = await open()
    const { page } = opened
    const row = page.locator('.queue tbody tr')
    expect(await row.textContent()).toContain('1 GPU of type h100 or a100 with at least 40G')
    expect(await row.textContent()).toContain('limit of 2 GPUs reached (max-gpus of this pool): has 2')
    expect(await page.locator('.summary-models li').allTextContents()).toEqual([
      `${H100.name}: 1 of 3 free`,
      `${A100.name}: 1 of 2 free`,
    ])
  })

  test('texts that are HTML stay text', async () => {
    await using opened = await open(`/?account=${encodeURIComponent(HTML)}`)
    const { page } = opened
    await page.locator('.own').waitFor()
    for (const details of await page.locator('summary').all()) await details.click()
    expect(await page.locator('.account-choice').textContent()).toContain(HTML)
    expect(await page.locator('.drain-reason').textContent()).toContain(HTML)
    expect(await page.locator('img, #app script').count()).toBe(0)
    expect(opened.browserErrors).toEqual([])
  })

  for (const width of [360, 900, 1600]) {
    for (const colours of ['Dark', 'Light']) {
      test(`${width} px, ${colours}: fits the screen and is accessible`, async () => {
        await using opened = await open(`/?account=${name}`, width)
        const { page } = opened
        if (colours === 'Light') await page.getByRole('button', { name: 'Colours: Dark' }).click()
        await page.locator('.own', { hasText: '% of all' }).waitFor()
        await page.locator('.policy tbody tr').first().waitFor()
        await page.locator('.report-user').first().waitFor()
        expect(await overflow(page)).toBeLessThanOrEqual(0)
        expect(await violations(page)).toEqual([])
        expect(opened.browserErrors).toEqual([])
      })
    }
  }

  test('the wall view has no rules and no accounts, and fits', async () => {
    await using opened = await openPage(browser, `${server.url}/#wall`, {
      viewport: { width: 1920, height: 1080 },
    })
    const { page } = opened
    expect(await page.locator('.policy, .accounts').count()).toBe(0)
    expect(await overflow(page)).toBeLessThanOrEqual(0)
    expect(
      await page.evaluate(() => document.documentElement.scrollHeight - innerHeight),
    ).toBeLessThanOrEqual(0)
  })
})

const overflow = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
