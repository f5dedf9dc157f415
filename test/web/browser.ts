import { readFileSync } from 'node:fs'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

/** The names of the browser that these tests drive. */
const NAMES = ['chromium', 'chromium-browser', 'google-chrome']

/** The one that is installed, or the one to install. */
export const BROWSER = NAMES.find((name) => Bun.which(name) !== null) ?? 'chromium'

const FLAGS =
  '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync'

/** A browser with an empty profile. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: Bun.which(BROWSER) ?? '', args: FLAGS.split(' ') })
}

export interface OpenPage extends AsyncDisposable {
  readonly page: Page
  /** Complaints of the browser: failed scripts, violated policies, answers that did not come. */
  readonly complaints: string[]
  /** Origins that anything was asked of. */
  readonly origins: Set<string>
}

/** The dashboard in a window of its own, once it shows GPUs. */
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

/** What axe-core finds wrong for people who see, hear or type otherwise. */
export async function violations(page: Page): Promise<string[]> {
  // By the debugger, as the page itself may not run what is not its own.
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
