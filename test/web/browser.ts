import { readFileSync } from 'node:fs'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

/** Commands of browsers that the tests can use. */
const NAMES = ['chromium', 'chromium-browser', 'google-chrome']

/** The command of the installed browser, or of the one to install. */
export const BROWSER = NAMES.find((name) => Bun.which(name) !== null) ?? 'chromium'

const FLAGS =
  '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync'

/** A browser with an empty profile. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: Bun.which(BROWSER) ?? '', args: FLAGS.split(' ') })
}

export interface OpenPage extends AsyncDisposable {
  readonly page: Page
  /** Errors and warnings in the browser: failed scripts, violated policies, failed requests, dialogs. */
  readonly browserErrors: string[]
  /** The origins of all requests. */
  readonly origins: Set<string>
}

/** Opens the dashboard in a new window. Resolves when it shows GPUs. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<OpenPage> {
  const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'UTC', ...options })
  const page = await context.newPage()
  const browserErrors: string[] = []
  const origins = new Set<string>()
  page.on('pageerror', (error) => browserErrors.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') browserErrors.push(message.text())
  })
  page.on('dialog', (dialog) => {
    browserErrors.push(`a dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('request', (request) => origins.add(new URL(request.url()).origin))
  await page.goto(url)
  await page.locator('.card').first().waitFor()
  return { page, browserErrors, origins, [Symbol.asyncDispose]: () => context.close() }
}

const axeSource = readFileSync(Bun.resolveSync('axe-core/axe.min.js', import.meta.dir), 'utf8')

/** The accessibility violations that axe-core finds. */
export async function violations(page: Page): Promise<string[]> {
  // The debugger evaluates it, because the page's policy forbids scripts from elsewhere.
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
