import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { needing } from '../../support/needs.ts'
import { until } from '../../support/until.ts'
import { firstLine } from './programs.ts'
import { temporaryFolder } from './temporary-folder.ts'

const MESSAGE = `${import.meta.dir}/../../../src/adapters/process/message.ts`

/** A shell command that creates a descriptor of its stderr, prints it on stdout, and writes a line to it. */
const writes = (line: string, as: readonly string[] = []): string => {
  const code = `import { messageDescriptor, writeMessage } from '${MESSAGE}'
    import { readlinkSync } from 'node:fs'
    const fd = messageDescriptor()
    const target = fd === null ? 'none' : readlinkSync('/proc/self/fd/' + fd)
    console.log(JSON.stringify({ number: fd, target, written: fd !== null && writeMessage(fd, '${line}') }))`
  return [...as, process.execPath, '-e', code].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')
}

interface Outcome {
  readonly number: number | null
  readonly target: string
  readonly written: boolean
}

function outcome(script: string): Outcome {
  return JSON.parse(Bun.spawnSync(['bash', '-c', script]).stdout.toString())
}

const otherUser = (): string[] => [Bun.which('setpriv') ?? '', '--reuid', '65534', '--clear-groups']

test('a message goes to the end of a file, and the number of the descriptor can be passed', () => {
  using folder = temporaryFolder()
  const log = folder.file('log')
  const { number, ...rest } = outcome(`echo first > '${log}'; ${writes('the pool was reset')} 2>> '${log}'`)
  expect(rest).toEqual({ target: log, written: true })
  expect(number).toBeGreaterThan(3)
  expect(readFileSync(log, 'utf8')).toBe('first\nthe pool was reset\n')
})

test('a message goes into a pipe', () => {
  using folder = temporaryFolder()
  const read = folder.file('read')
  expect(outcome(`${writes('grüße')} 2> >(cat > '${read}'); wait $!`)).toMatchObject({ written: true })
  expect(readFileSync(read, 'utf8')).toBe('grüße\n')
})

test('a pipe is not kept open, and one without a reader does not block', async () => {
  const code = `import { messageDescriptor, writeMessage } from '${MESSAGE}'
    const fd = messageDescriptor()
    const { close } = await import('${import.meta.dir}/../../../src/adapters/kernel/libc/descriptors.ts')
    close(2)
    for await (const _ of Bun.stdin.stream()) break
    console.log(writeMessage(fd, 'hello'))`
  const script = `{ "$@" 2>&1 >&3 3>&- | { cat; exec <&-; echo ended; }; } 3>&1`
  const child = Bun.spawn(['bash', '-c', script, 'bash', process.execPath, '-e', code], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  // The reader of the pipe gets its end although the process still runs.
  expect(await firstLine(child.stdout)).toBe('ended')
  child.stdin.write('go\n')
  child.stdin.end()
  expect(await firstLine(child.stdout)).toBe('false')
})

needing('script').test('a message goes to a terminal', () => {
  const shown = Bun.spawnSync(['script', '-qec', `${writes('hello')}`, '/dev/null']).stdout.toString()
  expect(shown).toContain('hello\r\n')
  expect(shown).toContain('"written":true')
})

needing('root', 'setpriv').test(
  'a message goes to a terminal of another user, which cannot be opened again',
  () => {
    const command = `id -u; ${writes('hello', otherUser())}`
    const shown = Bun.spawnSync(['script', '-qec', command, '/dev/null']).stdout.toString()
    expect(shown).toContain('hello\r\n')
    expect(shown).toContain('"written":true')
  },
)

needing('root', 'setpriv').test('a stopped terminal (Ctrl-S) does not block', async () => {
  const hold = `stty -ixon; python3 -c "import termios; termios.tcflow(0, termios.TCOOFF)"`
  const rest = writes('hello', otherUser())
  using folder = temporaryFolder()
  const out = folder.file('out')
  Bun.spawnSync(['chmod', '777', folder.path])
  const child = Bun.spawn(['script', '-qec', `${hold}; ${rest} > '${out}'`, '/dev/null'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  await until('the outcome is printed', () => Bun.file(out).size > 0)
  expect(JSON.parse(readFileSync(out, 'utf8'))).toMatchObject({ written: false })
  child.kill('SIGKILL')
})

needing('root', 'setpriv').test("no message goes into another user's pipe", () => {
  expect(outcome(`${writes('hello', otherUser())} 2> >(cat)`)).toMatchObject({ number: null })
})
