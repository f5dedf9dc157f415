import { afterEach, expect, test } from 'bun:test'
import {
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { openTrace } from '../../../src/adapters/process/trace.ts'
import { CanhazgpuError } from '../../../src/domain/errors.ts'
import type { TraceEvent } from '../../../src/ports/trace.ts'
import { needing } from '../../support/needs.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

function newFolder(): string {
  const folder = mkdtempSync(`${tmpdir()}/canhazgpu-trace-`)
  folders.push(folder)
  return folder
}

const EVENT: TraceEvent = { kind: 'error', during: 'a test', error: new Error('it broke') }

/** Traces an event twice, and returns the warnings. */
function warningsOf(target: string): readonly string[] {
  const warnings: string[] = []
  const trace = openTrace(target, ({ message }) => warnings.push(message))
  trace(EVENT)
  trace(EVENT)
  return warnings
}

const linesIn = (path: string) =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

test('each event is a line at the end of the file, which only its owner can read', () => {
  const path = `${newFolder()}/trace`
  expect(warningsOf(path)).toEqual([])
  expect(linesIn(path)).toMatchObject([
    { kind: 'error', during: 'a test', pid: process.pid },
    { kind: 'error', during: 'a test', pid: process.pid },
  ])
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test('an error includes its causes, and a bug its source location', () => {
  const path = `${newFolder()}/trace`
  const cause = Object.assign(new Error('disk full'), { code: 'ENOSPC' })
  const error = new CanhazgpuError('store-unavailable', 'cannot write', { cause })
  openTrace(path, () => {})({ kind: 'error', during: 'a test', error })
  expect(linesIn(path)[0].error).toEqual([
    { name: 'CanhazgpuError', code: 'store-unavailable', message: 'cannot write' },
    { name: 'Error', code: 'ENOSPC', message: 'disk full', stack: expect.stringContaining('trace.test.ts') },
  ])
})

test('maps and sets are kept, and no character of a line moves the cursor', () => {
  const path = `${newFolder()}/trace`
  const answer = { usage: new Map([['0', 1]]), reserved: new Set(['\u009b2J']) }
  const actor = { uid: 1, name: 'a' }
  const moment = { wall: 0, steady: { epoch: 'e', ms: 0 } }
  openTrace(path, () => {})({
    ...{ kind: 'step', operation: { op: 'settle' }, actor, moment },
    ...{ processes: [], pool: null, answer, wrote: false },
  })
  expect(readFileSync(path, 'utf8')).not.toContain('\u009b')
  expect(linesIn(path)[0].answer).toEqual({ usage: [['0', 1]], reserved: ['\u009b2J'] })
})

test('a link is not followed', () => {
  const folder = newFolder()
  writeFileSync(`${folder}/target`, 'as it was')
  symlinkSync(`${folder}/target`, `${folder}/trace`)
  expect(warningsOf(`${folder}/trace`)).toEqual([expect.stringContaining(`${folder}/trace`)])
  expect(readFileSync(`${folder}/target`, 'utf8')).toBe('as it was')
})

test.each(['pipe', 'folder', 'no folder', 'relative path'])('%s: one warning, and nothing fails', (kind) => {
  const folder = newFolder()
  if (kind === 'pipe') Bun.spawnSync(['mkfifo', `${folder}/trace`])
  if (kind === 'folder') mkdirSync(`${folder}/trace`)
  const targets = new Map([
    ['no folder', `${folder}/none/trace`],
    ['relative path', 'trace'],
  ])
  const target = targets.get(kind) ?? `${folder}/trace`
  expect(warningsOf(target)).toHaveLength(1)
  expect(existsSync('trace')).toBe(false)
})

const asRoot = needing('root')

asRoot.test("root does not write to another user's file", () => {
  const path = `${newFolder()}/trace`
  writeFileSync(path, '')
  chownSync(path, 12_345, 12_345)
  expect(warningsOf(path)).toEqual([expect.stringContaining('12345')])
  expect(readFileSync(path, 'utf8')).toBe('')
})

asRoot.test('root does not write to its own file under a name that another user gave it', () => {
  const folder = newFolder()
  writeFileSync(`${folder}/secret`, '')
  linkSync(`${folder}/secret`, `${folder}/trace`)
  expect(warningsOf(`${folder}/trace`)).toHaveLength(1)
  expect(readFileSync(`${folder}/secret`, 'utf8')).toBe('')
})

asRoot.test("root does not write through another user's folder", () => {
  const folder = newFolder()
  mkdirSync(`${folder}/theirs`)
  chownSync(`${folder}/theirs`, 12_345, 12_345)
  expect(warningsOf(`${folder}/theirs/trace`)).toHaveLength(1)
  expect(existsSync(`${folder}/theirs/trace`)).toBe(false)
})
