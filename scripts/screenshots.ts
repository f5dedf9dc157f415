import type { BrowserContextOptions } from 'playwright-core'
import { openBrowser, openPage } from '../test/web/browser.ts'
import { startDemo } from '../test/web/demo-server.ts'

/** `bun scripts/screenshots.ts`: retakes the pictures of docs/web.md from the built executable and its demo. */
const SHOTS: Readonly<
  Record<string, { readonly path: string; readonly options: BrowserContextOptions; readonly whole: boolean }>
> = {
  'web-screenshot': {
    path: '/',
    options: { viewport: { width: 1440, height: 900 } },
    whole: true,
  },
  'web-light': {
    path: '/',
    options: { viewport: { width: 1440, height: 900 } },
    whole: true,
  },
  'web-wall': {
    path: '/#wall',
    options: { viewport: { width: 1920, height: 1080 } },
    whole: false,
  },
  'web-phone': {
    path: '/',
    options: { viewport: { width: 390, height: 844 } },
    whole: false,
  },
}
/** In this time the demo collects samples for its charts. */
const RUN_FOR_MS = 90_000
/** Longest wait for a request in the queue, which the pictures show. */
const WAIT_AT_MOST_MS = 300_000

await using demo = await startDemo()
const browser = await openBrowser()
try {
  const opened = await Promise.all(
    Object.entries(SHOTS).map(async ([name, shot]) => ({
      ...shot,
      name,
      page: (await openPage(browser, demo.server.url + shot.path, shot.options)).page,
    })),
  )
  const light = opened.find(({ name }) => name === 'web-light')
  await light?.page.getByRole('button', { name: 'Colours: Dark' }).click()
  await Bun.sleep(RUN_FOR_MS)
  for (const { name, page, whole } of opened) {
    await page.locator('.queue').waitFor({ timeout: WAIT_AT_MOST_MS })
    await page.screenshot({ path: `docs/images/${name}.png`, fullPage: whole })
    console.log(`docs/images/${name}.png`)
  }
} finally {
  await browser.close()
}
