import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { needing } from '../../support/needs.ts'
import { type Build, buildPreviousVersion } from '../../support/other-builds.ts'
import { root } from '../../support/sources.ts'
import { backup } from './backup-page.ts'
import { follow, type Procedure } from './follow.ts'
import { type AdministeredMachine, administeredMachine } from './machine.ts'
import { moving } from './moving-page.ts'
import { install, policy, recovery } from './pool-pages.ts'
import { daemon, monitoring, uninstall } from './service-pages.ts'
import { upgrade } from './upgrade-page.ts'

/** All that the pages in docs/administration say is typed by root of a machine with systemd. */
const FOLDER = 'docs/administration'
const PROCEDURES: Readonly<Record<string, (on: AdministeredMachine, previous: Build) => Procedure>> = {
  ...{ install, daemon, policy, backup, moving, upgrade, uninstall, monitoring, recovery },
}

needing('users', 'nsenter', 'systemd', 'sqlite3', 'curl').describe(FOLDER, () => {
  let on: AdministeredMachine
  let previous: Build
  beforeAll(async () => {
    previous = await buildPreviousVersion()
    on = await administeredMachine()
  }, 90_000)
  afterAll(async () => {
    previous?.[Symbol.dispose]()
    await on?.[Symbol.asyncDispose]()
  })
  beforeEach(() => on.reset())

  for (const [page, procedure] of Object.entries(PROCEDURES)) {
    test(`${page}.md`, () => follow(on, `${FOLDER}/${page}.md`, procedure(on, previous)), 60_000)
  }
})

test('every page is followed', () => {
  const pages = [...new Bun.Glob('*.md').scanSync(root + FOLDER)].map((page) => page.replace('.md', ''))
  expect(pages.filter((page) => page !== 'README').sort()).toEqual(Object.keys(PROCEDURES).sort())
})

test('the examples for Prometheus are valid YAML and name metrics', async () => {
  const page = await Bun.file(`${root}${FOLDER}/monitoring.md`).text()
  const metrics = await Bun.file(`${root}docs/web.md`).text()
  const examples = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text)
  const keys = examples.map((text) => Object.keys(Bun.YAML.parse(text) as object))
  expect(keys).toEqual([['scrape_configs'], ['groups']])
  const named = page.match(/\bcanhazgpu_[a-z_]+/g) ?? []
  expect(named.filter((name) => !metrics.includes(`\`${name}\``))).toEqual([])
  expect(named.length).toBeGreaterThan(4)
})
