import { describe, expect, test } from 'bun:test'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { resolveProgram } from '../../../src/adapters/process/exec.ts'
import { CanhazgpuError } from '../../../src/domain/errors.ts'
import { needing } from '../../support/needs.ts'
import { type Folder, temporaryFolder } from './temporary-folder.ts'

/** Two directories with programs, and with files that cannot be executed. */
function programs(): Folder {
  const folder = temporaryFolder()
  for (const directory of ['one/here', 'two/here']) mkdirSync(folder.file(directory), { recursive: true })
  const file = (name: string, mode: number, content = '#!/bin/sh\nexit 3\n') => {
    writeFileSync(folder.file(name), content)
    chmodSync(folder.file(name), mode)
  }
  file('one/plain', 0o644)
  file('two/program', 0o755)
  file('one/both', 0o644)
  file('two/both', 0o755)
  file('two/lost', 0o755, '#!/no/such/interpreter\n')
  file('two/bare', 0o755, 'echo "$0" "$@"; exit 4')
  file('two/broken', 0o755, '\x7fELF nonsense')
  return folder
}

describe('resolving a program', () => {
  const cases: [name: string, expected: string][] = [
    ['program', '{}/two/program'],
    ['both', '{}/two/both'],
    ['{}/two/program', '{}/two/program'],
    ['plain', 'command-not-executable: plain'],
    ['here', 'command-not-executable: here'],
    ['{}/one/plain', 'command-not-executable: {}/one/plain'],
    ['{}/one', 'command-not-executable: {}/one'],
    ['nonesuch', 'command-not-found: nonesuch'],
    ['./nonesuch', 'command-not-found: ./nonesuch'],
    ['{}/one/plain/x', 'command-not-found: {}/one/plain/x'],
    ['', 'command-not-found: '],
  ]
  for (const [name, expected] of cases) {
    test(`'${name}'`, () => {
      using folder = programs()
      const path = ['one', 'none', 'one/plain', 'two'].map(folder.file).join(':')
      const outcome = outcomeOf(() => resolveProgram(name.replace('{}', folder.path), path))
      expect(outcome).toBe(expected.replace('{}', folder.path))
    })
  }

  test('an empty element is the working directory', () => {
    using folder = programs()
    const command = `cd '${folder.file('two')}'; PATH=":$PATH"; '${process.execPath}' '${import.meta.dir}/become.ts' program`
    expect(Bun.spawnSync(['sh', '-c', command]).exitCode).toBe(3)
  })

  test('the default path is used without a PATH, and not with an empty one', () => {
    expect(resolveProgram('sh', undefined)).toBe('/bin/sh')
    expect(outcomeOf(() => resolveProgram('sh', ''))).toBe('command-not-found: sh')
  })
})

const outcomeOf = (resolve: () => string): string => {
  try {
    return resolve()
  } catch (error) {
    if (error instanceof CanhazgpuError) return `${error.code}: ${error.message.replace(/^.*?: /, '')}`
    throw error
  }
}

interface Become {
  readonly args: readonly string[]
  readonly env?: Record<string, string>
  readonly asNobody?: boolean
}

function become({ args, env, asNobody }: Become) {
  const user = asNobody ? [Bun.which('setpriv') ?? '', '--reuid', '65534', '--clear-groups'] : []
  const ended = Bun.spawnSync([...user, process.execPath, `${import.meta.dir}/become.ts`, ...args], {
    env: { ...process.env, ...env },
  })
  return { status: ended.exitCode, stdout: ended.stdout.toString() }
}

describe('becoming a command', () => {
  test('the command gets our environment with the changes', () => {
    const { stdout } = become({ args: ['env'], env: { GIVEN: 'before', TAKEN: 'before', KEPT: 'a\nb' } })
    expect(stdout).toContain('GIVEN=grün\n')
    expect(stdout).toContain('KEPT=a\nb\n')
    expect(stdout).not.toContain('TAKEN')
  })

  test('the shell runs a script without an interpreter', () => {
    using folder = programs()
    const script = folder.file('two/bare')
    expect(become({ args: [script, 'a b', 'c'] })).toEqual({ status: 4, stdout: `${script} a b c\n` })
  })

  test('a missing interpreter', () => {
    using folder = programs()
    const program = folder.file('two/lost')
    const message = expect.stringContaining(program)
    const failure = { code: 'command-not-executable', message, restored: true }
    expect(JSON.parse(become({ args: [program] }).stdout)).toEqual(failure)
  })

  test('a program that is removed between search and start', () => {
    using folder = programs()
    const program = folder.file('two/program')
    const { stdout } = become({ args: [program], env: { REMOVE_FIRST: '1' } })
    const message = expect.stringContaining(program)
    expect(JSON.parse(stdout)).toEqual({ code: 'command-not-found', message, restored: true })
  })

  test('a file that the kernel cannot execute', () => {
    using folder = programs()
    const program = folder.file('two/broken')
    // A shell cannot run it either.
    expect(become({ args: [program] }).status).toBeGreaterThan(0)
  })

  needing('root').test('a directory without search permission has no programs', () => {
    using folder = programs()
    chmodSync(folder.file('two'), 0o700)
    const codeOf = (name: string) => {
      const { stdout } = become({ args: [name], asNobody: true, env: { PATH: `${folder.file('two')}:/bin` } })
      return JSON.parse(stdout).code
    }
    expect(codeOf('program')).toBe('command-not-found')
    expect(codeOf(folder.file('two/program'))).toBe('command-not-executable')
  })

  needing('root').test('a program that its user may not run', () => {
    using folder = programs()
    const program = folder.file('two/program')
    chmodSync(program, 0o700)
    const { stdout } = become({ args: [program], asNobody: true })
    const message = expect.stringContaining(program)
    expect(JSON.parse(stdout)).toEqual({ code: 'command-not-executable', message, restored: true })
  })
})
