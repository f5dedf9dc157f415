import { describe, expect, test } from 'bun:test'
import { openApiDocument } from '../../../src/web/openapi.ts'
import { root } from '../../support/sources.ts'
import { startDemo } from '../demo-server.ts'

const page = await Bun.file(`${root}docs/web.md`).text()

test('docs/web.md contains every address of the API', () => {
  for (const path of Object.keys(openApiDocument('').paths)) expect(page).toContain(`\`${path}`)
})

describe('every metric', async () => {
  await using demo = await startDemo()
  const text = await (await demo.server.get('/metrics')).text()
  const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name ?? '')

  test('is in docs/web.md', () => {
    expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([])
  })

  test('of docs/grafana-dashboard.json exists', async () => {
    const dashboard = await Bun.file(`${root}docs/grafana-dashboard.json`).text()
    const used = [...dashboard.matchAll(/canhazgpu_[a-z_]+/g)].map(([name]) => name.replace(/_bucket$/, ''))
    expect(used.length).toBeGreaterThan(10)
    expect(used.filter((name) => !names.includes(name))).toEqual([])
    for (const shown of [
      'gpu_drained',
      'gpu_booked_timestamp_seconds',
      'queue_length',
      'account_gpus_limit',
    ]) {
      expect(used).toContain(`canhazgpu_${shown}`)
    }
  })
})
