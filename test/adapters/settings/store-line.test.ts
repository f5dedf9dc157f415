import { describe, expect, test } from 'bun:test'
import { earlierPool, withDaemon, withoutDaemon } from '../../../src/adapters/settings/store-line.ts'
import { DEFAULT_POOL } from '../../../src/domain/settings.ts'

const FILE = '/etc/canhazgpu/config.yaml'
const store = 'unix:///run/canhazgpu/daemon.sock'
const installed = (text: string, pool: string) => withDaemon(FILE, text, { store, pool }) ?? ''
const uninstalled = (text: string) => withoutDaemon(FILE, text)

describe('the store in the configuration of the machine', () => {
  test.each([
    ['', DEFAULT_POOL, ''],
    ['web:\n  port: 80\n', DEFAULT_POOL, 'web:\n  port: 80\n'],
    ['store: /srv/pool.db\nno-color: true\n', '/srv/pool.db', 'store: /srv/pool.db\nno-color: true\n'],
    ['', '/srv/my pool.db', 'store: "/srv/my pool.db"\n'],
    ['store: /srv/pool.db\n', '/srv/other.db', 'store: /srv/other.db\n'],
    ['store: /srv/pool.db\n', DEFAULT_POOL, ''],
  ])('from %j with the pool %s: the daemon, then %j', (before, pool, after) => {
    const text = installed(before, pool)
    expect(text).toEndWith(`\nstore: ${store}\n`)
    expect(earlierPool(FILE, text) ?? DEFAULT_POOL).toBe(pool)
    expect(installed(text, pool)).toBe(text)
    expect(uninstalled(text)).toBe(after)
  })

  test('another pool replaces the one of an earlier installation', () => {
    expect(uninstalled(installed(installed('', '/srv/one.db'), '/srv/two.db'))).toBe('store: /srv/two.db\n')
  })

  test('a file in which the line cannot be changed is not changed', () => {
    expect(withDaemon(FILE, '{store: /srv/pool.db}\n', { store, pool: DEFAULT_POOL })).toBeNull()
  })
})
