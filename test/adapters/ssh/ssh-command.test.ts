import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { reasonIn, sshCommand } from '../../../src/adapters/ssh/ssh-command.ts'
import { readRemoteHosts } from '../../../src/domain/fleet/host-name.ts'
import { needing } from '../../support/needs.ts'

/** What a user may have set for all hosts. */
const SETTINGS = [
  'ForwardAgent yes',
  'ForwardX11 yes',
  'PermitLocalCommand yes',
  'LocalCommand touch /tmp/never',
  'RemoteCommand id',
  'RequestTTY force',
  'BatchMode no',
  'LocalForward 1234 localhost:22',
  'RemoteForward 1234 localhost:22',
  'DynamicForward 1235',
  'ControlMaster auto',
]

needing('ssh').test('the settings of the account add no forwarding and no other command', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ssh-command-'))
  try {
    writeFileSync(join(folder, 'config'), `Host *\n${SETTINGS.join('\n')}\n`)
    const [host] = readRemoteHosts('gpu1') ?? []
    if (host === undefined) throw new Error('no host')
    const [program = '', ...args] = sshCommand(host, 'request', 5_000)
    const { stdout } = Bun.spawnSync([program, '-G', '-F', join(folder, 'config'), ...args])
    const lines = stdout.toString().split('\n')
    expect(lines).toContain('host gpu1')
    for (const each of [
      'batchmode yes',
      'forwardagent no',
      'forwardx11 no',
      'permitlocalcommand no',
      'requesttty false',
      'controlmaster false',
    ]) {
      expect(lines).toContain(each)
    }
    expect(lines.filter((line) => /^(remotecommand|\w+forward) .*(id|123\d)/.test(line))).toEqual([])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.each([
  [
    'ssh: connect to host gpu1 port 22: Connection refused\r\n',
    'ssh: connect to host gpu1 port 22: Connection refused',
  ],
  // A jump host that does not answer.
  [
    'ssh: connect to host jump port 22: Connection refused\r\nkex_exchange_identification: Connection closed by remote host\r\nConnection closed by UNKNOWN port 65535\r\n',
    'ssh: connect to host jump port 22: Connection refused',
  ],
  [
    'kex_exchange_identification: Connection closed by remote host\r\n',
    'kex_exchange_identification: Connection closed by remote host',
  ],
  ['\r\n', undefined],
])('the reason in what ssh printed: %j', (stderr, reason) => {
  expect(reasonIn(stderr)).toBe(reason)
})
