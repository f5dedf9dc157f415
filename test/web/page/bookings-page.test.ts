import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Browser } from 'playwright-core'
import type { AccountDocument } from '../../../src/views/schemas/accounts.ts'
import { needing } from '../../support/needs.ts'
import { type TestPool, testPool } from '../../support/pool.ts'
import { ownName } from '../../support/unix-users.ts'
import { BROWSER, openBrowser, openPage, violations } from '../browser.ts'
import { must } from '../busy-pool.ts'
import { startWeb, type TestServer } from '../web-server.ts'

const HTML = '<img src=x onerror=alert(1)>'
const LONG = 'w'.repeat(60)

async function poolWithBookings(): Promise<TestPool> {
  const pool = await testPool(3)
  await must(pool, 'policy', 'set', 'max-duration', '2d')
  await must(pool, 'policy', 'set', 'default-duration', '1h')
  await must(pool, 'policy', 'set', 'bookings', 'on')
  await must(pool, 'reserve', '--gpu-ids', '1', '--duration', '1h')
  await must(pool, 'reserve', '--gpu-ids', '1', '--at', 'in 3h', '--duration', '1h', '--user', LONG)
  await must(
    pool,
    'reserve',
    '--gpus',
    '2',
    '--at',
    'in 30h',
    '--duration',
    '2h',
    '--user',
    HTML,
    '--note',
    LONG,
  )
  return pool
}

needing(BROWSER).describe('bookings on the page', () => {
  let browser: Browser
  let pool: TestPool
  let server: TestServer
  const name = ownName()

  beforeAll(async () => {
    browser = await openBrowser()
    pool = await poolWithBookings()
    server = await startWeb(pool)
  })
  afterAll(async () => {
    await browser?.close()
    pool?.[Symbol.dispose]()
  })

  test('a list of them; a new one appears and a cancelled one disappears without a reload', async () => {
    await using opened = await openPage(browser, server.url)
    const { page } = opened
    const rows = page.locator('.bookings tbody tr')
    const [first, second] = await rows.allTextContents()
    expect(first).toMatch(/^ w+ \(.+\)GPU 1.+\(1h 00m\)begins in (3h 00m|2h 59m)$/)
    expect(second).toContain(`${HTML} (${name})2 GPUs (`)
    const { stdout } = await pool.chg(
      'reserve',
      '--json',
      '--gpu-ids',
      '0',
      '--at',
      'in 6h',
      '--duration',
      '1h',
    )
    await rows.nth(2).waitFor()
    await page.locator('.card').first().getByText('free until').waitFor()
    expect(await page.locator('.card').first().locator('.holder-booked').textContent()).toMatch(
      new RegExp(`^free until .+, booked by ${name} until `),
    )
    await must(pool, 'release', JSON.parse(stdout).booking)
    await rows.nth(2).waitFor({ state: 'detached' })
    expect(opened.browserErrors).toEqual([])
  })

  test('on a held card, and in the next free GPU at the top', async () => {
    await using opened = await openPage(browser, server.url)
    const { page } = opened
    expect(await page.locator('.card').nth(1).locator('.holder-booked').textContent()).toMatch(
      new RegExp(`^booked from .+ until .+ by ${LONG} \\(.+\\)$`),
    )
    expect(await page.locator('.summary').textContent()).toMatch(/Next freein (1h 00m|59m)GPU 1 at/)
  })

  test('on the timeline and in its table', async () => {
    await using opened = await openPage(browser, server.url)
    const { page } = opened
    const canvas = page.locator('canvas.timeline')
    await canvas.scrollIntoViewIfNeeded()
    const { width = 0 } = (await canvas.boundingBox()) ?? {}
    // The labels are 58 px wide. With 24 h, a quarter of the rest is after now.
    const hoursAfterNow = (hours: number) => 58 + (width - 58) * (0.75 + hours / 24)
    await canvas.hover({ position: { x: hoursAfterNow(3.5), y: 39 } })
    const readout = page.locator('.timeline-readout')
    expect(await readout.textContent()).toMatch(/^GPU 1: booked by w+ \(.+\), .+ to .+ \(1h 00m\)$/)
    await page.getByRole('button', { name: 'next 7 days' }).click()
    await page.getByText('As a table').first().click()
    const table = page.locator('.scroll tr', { hasText: 'not begun' })
    await table.nth(2).waitFor()
    expect(await table.allTextContents()).toEqual([
      expect.stringMatching(/^1w/),
      ...[expect.stringContaining(HTML), expect.stringContaining(LONG)],
    ])
  })

  test('of the chosen account, in the API and in the metrics', async () => {
    await using opened = await openPage(browser, `${server.url}/?account=${name}`)
    const { page } = opened
    await page.locator('.own .fact', { hasText: /^Bookings2next: .+ · at most 7d ahead$/ }).waitFor()
    const [account] = await server.json<readonly AccountDocument[]>('/api/accounts')
    expect(account).toMatchObject({ account: name, gpus: 1, bookings: 2 })
    const text = await server.metrics()
    expect(text).toContain(`canhazgpu_account_bookings{account="${name}"} 2\n`)
    expect(text).toMatch(/^canhazgpu_gpu_booked_timestamp_seconds\{gpu="1"\} \d+/m)
  })

  test('without bookings there is an empty list, and where GPUs cannot be booked there is none', async () => {
    using own = await testPool(1)
    const web = await startWeb(own)
    await using opened = await openPage(browser, web.url)
    const { page } = opened
    await page.locator('.policy tbody tr').first().waitFor()
    expect(await page.locator('#bookings-heading').count()).toBe(0)
    await must(own, 'policy', 'set', 'max-duration', '2d')
    await must(own, 'policy', 'set', 'default-duration', '1h')
    await must(own, 'policy', 'set', 'bookings', 'on')
    await page.getByText('Nobody has booked a GPU.').waitFor()
  })

  for (const width of [360, 900, 1600]) {
    for (const colours of ['Dark', 'Light']) {
      test(`${width} px, ${colours}: fits the screen, is accessible, and shows texts as text`, async () => {
        await using opened = await openPage(browser, `${server.url}/?account=${name}`, {
          viewport: { width, height: 900 },
        })
        const { page } = opened
        if (colours === 'Light') await page.getByRole('button', { name: 'Colours: Dark' }).click()
        await page.locator('.own', { hasText: '% of all' }).waitFor()
        await page.locator('.bookings tbody tr').first().waitFor()
        expect(
          await page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
        ).toBeLessThanOrEqual(0)
        expect(await violations(page)).toEqual([])
        expect(await page.locator('img, #app script').count()).toBe(0)
        expect(opened.browserErrors).toEqual([])
      })
    }
  }
})
