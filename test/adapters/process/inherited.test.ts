import { describe, expect, test } from 'bun:test'
import { copyFileSync } from 'node:fs'
import { needing } from '../../support/needs.ts'
import { REPORT_STATE, reportedState } from './reported-state.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** `test/entries/transparency.test.ts` tests that the command of `run` gets all of this. */

describe('descriptors', () => {
  const before = reportedState(`${REPORT_STATE}; true`).inherited.descriptors

  test('the inherited ones are listed, and those of the runtime are not', () => {
    const { descriptors } = reportedState(
      `${REPORT_STATE} 3</dev/null 7</dev/null 200</dev/null; true`,
    ).inherited
    expect(descriptors.filter((fd) => !before.includes(fd))).toEqual([3, 7, 200])
  })
})

describe('signals', () => {
  const PIPE = 0x1000n
  const ignored = (script: string, shell = 'bash') =>
    BigInt(`0x${reportedState(script, { shell }).inherited.ignored}`)

  test('a shell that ignores SIGPIPE passes that on', () => {
    expect(ignored(`trap '' PIPE; ${REPORT_STATE}; true`) & PIPE).toBe(PIPE)
    expect(ignored(`${REPORT_STATE}; true`) & PIPE).toBe(0n)
  })

  needing('python3').test('a program that ignores SIGPIPE for itself does not pass it on', () => {
    const script = `python3 -c 'import subprocess, sys; subprocess.run(sys.argv[1:])' ${REPORT_STATE}; true`
    expect(ignored(script) & PIPE).toBe(0n)
  })

  test('systemd ignores SIGPIPE for its services only', () => {
    using folder = temporaryFolder()
    const manager = folder.file('systemd')
    copyFileSync('/bin/bash', manager)
    const start = (pid: string) =>
      `trap '' PIPE; (export SYSTEMD_EXEC_PID=${pid}; exec ${REPORT_STATE}); true`
    expect(ignored(start('$BASHPID'), manager) & PIPE).toBe(PIPE)
    expect(ignored(start('1'), manager) & PIPE).toBe(0n)
  })
})

describe('the soft limit of open files', () => {
  const limited = (script: string, shell = 'bash') => reportedState(script, { shell }).inherited.openFiles

  test("is the parent's", () => {
    expect(limited(`ulimit -Sn 500; ${REPORT_STATE}; true`)).toBe(500)
    expect(limited(`ulimit -n 600; ${REPORT_STATE}; true`)).toBe(600)
  })

  test('is 1024 with a usual hard limit that differs from that of the parent', () => {
    expect(limited(`(ulimit -Sn 1024; ulimit -Hn 4096; exec ${REPORT_STATE}); true`)).toBe(1024)
  })

  test('is the hard limit if that is unusual and differs from that of the parent', () => {
    expect(limited(`(ulimit -n 700; exec ${REPORT_STATE}); true`)).toBe(700)
  })

  test('is not taken from systemd, which raises its own', () => {
    using folder = temporaryFolder()
    copyFileSync('/bin/bash', folder.file('systemd'))
    expect(limited(`ulimit -n 4096; ${REPORT_STATE}; true`, folder.file('systemd'))).toBe(1024)
    expect(limited(`ulimit -n 4096; ${REPORT_STATE}; true`)).toBe(4096)
  })
})
