import { expect } from 'bun:test'
import { needing } from '../../support/needs.ts'
import { binary, testPool } from '../../support/pool.ts'
import { redisServer } from '../../support/redis.ts'
import { untilSeen } from '../../support/seen.ts'
import { openTerminal } from '../../support/terminal.ts'

const HOME = '\u001b[H'

needing('redis-server').test(
  'while the board is out, --watch shows what it read last, its age, and why',
  async () => {
    using server = await redisServer()
    const url = { CANHAZGPU_FLEET: server.url }
    using pool = await testPool(2, { ...url, CANHAZGPU_HOST_NAME: 'gpu1' })
    using reader = await testPool(0, { ...url, CANHAZGPU_HOST_NAME: 'desk' })
    await pool.chg('reserve', '--gpus', '1', '--user', 'ann')
    await untilSeen(reader, 'gpu1', 'IN_USE, AVAILABLE')
    using terminal = openTerminal(reader, [binary, 'status', '--all', '--watch'])
    await terminal.see('gpu1: 1 of 2 available')
    await server.ask('HINCRBY', 'canhazgpu:host:gpu1', 'received', '-7200000')
    await terminal.see('2h 0m ')
    await server.kill()
    await terminal.see('nothing listens there')
    await terminal.see(HOME)
    await terminal.see('2h 0m ')
    await terminal.see(' by ann')
    await server.restart()
    await pool.chg('reserve', '--gpus', '1', '--user', 'ben')
    await terminal.see('gpu1: 0 of 2 available')
    terminal.type('q')
    expect(await terminal.process.exited).toBe(0)
  },
)
