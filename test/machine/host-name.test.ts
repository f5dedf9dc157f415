import { expect } from 'bun:test'
import * as v from 'valibot'
import { statusOfHosts } from '../../src/views/schemas/fleet.ts'
import { inContainer } from '../support/container.ts'
import { embeddedPool } from '../support/embedded.ts'
import { needing } from '../support/needs.ts'
import { redisServer } from '../support/redis.ts'
import { until } from '../support/until.ts'

needing('containers', 'redis-server').test('a host publishes under the name of its machine', async () => {
  using server = await redisServer()
  using here = await embeddedPool(1, { CANHAZGPU_FLEET: server.url, CANHAZGPU_HOST_NAME: 'here' })
  using there = await embeddedPool(0, { CANHAZGPU_FLEET: server.url })
  // The process that publishes goes on after the command, so the container stays until it is seen.
  const made = inContainer(there, '"$CHG" admin --gpus 1 --provider fake && "$CHG" reserve && sleep 600')
  const states = await until('it is seen', async () => {
    const { stdout } = await here.chg('status', '--host', 'somewhere-else', '--json')
    return stdout !== '' && stdout.includes('IN_USE') && v.parse(statusOfHosts, JSON.parse(stdout))
  })
  expect(states.map(({ host, source }) => [host, source])).toEqual([['somewhere-else', 'board']])
  there[Symbol.dispose]()
  await made
})
