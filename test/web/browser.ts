import { readFileSync } from 'node:fs'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

/** Commands of the browsers that these tests can use. */
const NAMES = ['chromium', 'chromium-browser', 'google-chrome']

/** The installed browser, or the one to install. */
export const BROWSER = NAMES.find((name) => Bun.which(name) !== null) ?? 'chromium'

const FLAGS =
  '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync'

/** A browser with an empty profile. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: Bun.which(BROWSER) ?? '', args: FLAGS.split(' ') })
}

export interface OpenPage extends AsyncDisposable {
  readonly page: Page
  /** Errors and warnings of the browser: failed scripts, violated policies, missing answers, dialogs. */
  readonly complaints: string[]
  /** Origins of all requests. */
  readonly origins: Set<string>
}

/** The dashboard in a new window, once it shows GPUs. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<OpenPage> {
  const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'UTC', ...options })
  const page = await context.newPage()
  const complaints: string[] = []
  const origins = new Set<string>()
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('dialog', (dialog) => {
    complaints.push(`a dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('request', (request) => origins.add(new URL(request.url()).origin))
  await page.goto(url)
  await page.locator('.card').first().waitFor()
  return { page, complaints, origins, [Symbol.asyncDispose]: () => context.close() }
}

const axeSource = readFileSync(Bun.resolveSync('axe-core/axe.min.js', import.meta.dir), 'utf8')

/** The accessibility violations that axe-core finds. */
export async function violations(page: Page): Promise<string[]> {
  // Evaluated by the debugger, because the page's policy forbids foreign scripts.
  await page.evaluate(axeSource)
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: Axe }
    const { violations } = await axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'],
    })
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`)
  })
}

interface Axe {
  run(
    where: Document,
    options: object,
  ): Promise<{ violations: readonly { id: string; nodes: readonly { html: string }[] }[] }>
}
