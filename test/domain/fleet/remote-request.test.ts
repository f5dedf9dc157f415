import { expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  decodeRequest,
  encodeRequest,
  REMOTE_COMMANDS,
  REQUEST_VERSION,
  type RemoteCommand,
} from '../../../src/domain/fleet/remote-request.ts'

const word = fc
  .uint8Array({ maxLength: 40 })
  .map((bytes) => String.fromCharCode(...bytes).replaceAll('\0', ''))
const size = fc.nat(2 ** 16 - 1)
const terminal = fc.record({
  columns: size,
  rows: size,
  modes: fc.uint8Array({ minLength: 36, maxLength: 36 }).map((bytes) => bytes.toHex()),
  hasErrorOutput: fc.boolean(),
})
const requests: fc.Arbitrary<RemoteCommand> = fc.record(
  {
    operation: fc.constantFrom('command' as const, 'forecast' as const),
    command: fc.constantFrom(...REMOTE_COMMANDS),
    words: fc.array(word),
    environment: fc.array(word.map((value) => `LC_X=${value}`)),
    commandLine: fc.array(word, { minLength: 1 }),
    folder: word.map((name) => `/${name}`),
    terminal,
  },
  { requiredKeys: ['operation', 'command', 'words', 'environment'] },
)

const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const complete = {
  version: 1,
  program: '1.0.0',
  operation: 'command',
  command: 'run',
  words: [],
  environment: [],
}

test('a request arrives as it was sent, in characters that no shell changes', () => {
  fc.assert(
    fc.property(requests, (request) => {
      const argument = encodeRequest(request, '1.2.3') ?? ''
      expect(argument).toMatch(/^[\w-]+$/)
      expect(decodeRequest(argument)).toEqual({ kind: 'request', request, program: '1.2.3' })
    }),
  )
})

test('any other argument is refused', () => {
  expect(decodeRequest(encoded(complete)).kind).toBe('request')
  const terminal = { columns: 80, rows: 24, modes: '00'.repeat(36), hasErrorOutput: true }
  const wrong: readonly object[] = [
    { operation: 'delete' },
    { command: 'admin' },
    { command: ['run'] },
    { words: 'all' },
    { words: ['\0'] },
    { words: ['\u0100'] },
    { words: [1] },
    { commandLine: [] },
    { commandLine: ['a\0'] },
    { folder: '' },
    { folder: 7 },
    { environment: ['=x'] },
    { environment: ['LANG'] },
    { environment: {} },
    { terminal: null },
    { terminal: { ...terminal, columns: -1 } },
    { terminal: { ...terminal, rows: 1.5 } },
    { terminal: { ...terminal, modes: '00' } },
    { terminal: { ...terminal, hasErrorOutput: 1 } },
    { version: 0 },
    { version: '1' },
    { program: '1.0.0\nx' },
  ]
  for (const fields of wrong) expect(decodeRequest(encoded({ ...complete, ...fields })).kind).toBe('invalid')
  for (const value of [null, [], 'text', 1]) expect(decodeRequest(encoded(value)).kind).toBe('invalid')
  fc.assert(fc.property(fc.string(), (text) => decodeRequest(text).kind !== 'request'))
})

test('another version is recognised by its number alone', () => {
  const argument = encoded({ version: REQUEST_VERSION + 1, program: '9.0.0', operation: 'new' })
  expect(decodeRequest(argument)).toEqual({
    kind: 'other-version',
    version: REQUEST_VERSION + 1,
    program: '9.0.0',
  })
})

test('a request that is too long for a command line is not sent', () => {
  const request: RemoteCommand = {
    operation: 'command',
    command: 'run',
    words: [],
    environment: [],
    commandLine: ['x'.repeat(100_000)],
  }
  expect(encodeRequest(request, '1.0.0')).toBeNull()
})
