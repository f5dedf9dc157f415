import { expect, test } from 'bun:test'
import { decodeTask, encodeTask, type SupervisorTask } from '../../src/entries/supervisor-task.ts'

const TASK: SupervisorTask = {
  process: { pid: 7, startTime: 11, bootId: 'b', pidNamespace: 'p' },
  pidfd: 4,
  messages: null,
  units: ['1', '10'],
  limit: { interruptAt: 5_000, killAt: 35_000 },
  program: '/usr/bin/canhazgpu',
}

test('a supervisor reads the task of its launcher', () => {
  expect(decodeTask(encodeTask(TASK))).toEqual(TASK)
})

test('a supervisor reads an end that an earlier version could not record', () => {
  const ended: SupervisorTask = { ...TASK, pidfd: null, outcome: 'timed-out' }
  expect(decodeTask(encodeTask(ended))).toEqual(ended)
})

test('a launcher of an earlier version names GPUs by their numbers', () => {
  const { units: _, ...others } = TASK
  expect(decodeTask(JSON.stringify({ ...others, gpus: [1, 10] }))).toEqual(TASK)
})

test.each([
  undefined,
  '',
  'null',
  '7',
  '{}',
  JSON.stringify({ ...TASK, units: undefined }),
  JSON.stringify({ ...TASK, units: [1] }),
  JSON.stringify({ ...TASK, units: undefined, gpus: [0.5] }),
  JSON.stringify({ ...TASK, units: undefined, gpus: ['1'] }),
  JSON.stringify({ ...TASK, limit: { interruptAt: 'soon' } }),
  JSON.stringify({ ...TASK, process: { pid: 7 } }),
  JSON.stringify({ ...TASK, outcome: 'reset' }),
])('%p is no task', (text) => {
  expect(decodeTask(text)).toBeNull()
})
