import { expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { askHost } from '../../../src/adapters/ssh/ask-host.ts'
import { hasEnded, kill } from '../../support/processes.ts'
import { until } from '../../support/until.ts'

const ask = (script: string) => askHost(['sh', '-c', script], 300)

const late = { kind: 'unreachable', reason: 'no answer within 0.3 s' } as const

test('the deadline holds for a script that runs ssh as its child, and ends both', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ask-host-'))
  try {
    expect(await ask(`sleep 1000 & echo $! > ${folder}/pid; wait`)).toEqual(late)
    const pid = Number(readFileSync(`${folder}/pid`, 'utf8'))
    await until('the child has ended', () => hasEnded(pid))
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a process that ssh has left in the background holds up nobody', async () => {
  const answer = await ask('sleep 1000 > /dev/null & echo $! >&2; exit 127')
  expect(answer).toEqual({ kind: 'not-understood', reason: expect.stringMatching(/^\d+$/) })
  if ('reason' in answer) kill(Number(answer.reason), 'SIGKILL')
})
