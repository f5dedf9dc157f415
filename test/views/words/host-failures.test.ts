import { expect, test } from 'bun:test'
import type { CanhazgpuError } from '../../../src/domain/errors.ts'
import { type HostName, readRemoteHosts } from '../../../src/domain/fleet/host-name.ts'
import {
  callFailure,
  commandFailure,
  folderFailure,
  noFolderHere,
  requestFailure,
  requestTooLong,
  unknownHost,
} from '../../../src/views/words/host-failures.ts'

const gpu1 = { name: 'gpu1' as HostName }
const annOnGpu1 = { ...gpu1, account: 'ann' }
const folderHint = 'name a folder of that host with --workdir'
const sameVersion = 'install the same version on both hosts'

const CASES: readonly (readonly [CanhazgpuError, string, string | undefined])[] = [
  [
    callFailure({ kind: 'unreachable', reason: 'Connection refused\r' }, gpu1),
    'host-unreachable: Cannot reach gpu1: Connection refused',
    'try: ssh gpu1 true',
  ],
  [
    commandFailure({ kind: 'unreachable', reason: 'Connection refused' }, annOnGpu1),
    'host-unreachable: Cannot reach gpu1: Connection refused',
    'this command has reserved nothing there; try: ssh ann@gpu1 true',
  ],
  [
    commandFailure({ kind: 'interrupted' }, gpu1),
    'interrupted: Interrupted while connecting to gpu1',
    undefined,
  ],
  [
    callFailure({ kind: 'not-understood', reason: 'bash: canhazgpu: command not found' }, annOnGpu1),
    'host-incompatible: canhazgpu does not answer on gpu1: bash: canhazgpu: command not found',
    'install this version there; try: ssh ann@gpu1 canhazgpu --version',
  ],
  [
    callFailure({ kind: 'lost' }, gpu1),
    'connection-lost: The connection to gpu1 was lost',
    'a command there gets SIGHUP when that host notices it; see: canhazgpu status --host gpu1',
  ],
  [
    callFailure({ kind: 'interrupted' }, gpu1),
    'interrupted: Interrupted while connecting to gpu1',
    undefined,
  ],
  [
    callFailure(
      { kind: 'failed', failure: { code: 'store-busy', message: 'no\u001b[2Jw', hint: 'later' } },
      gpu1,
    ),
    'store-busy: gpu1: no [2Jw',
    'later',
  ],
  [
    callFailure({ kind: 'failed', failure: { code: 'new' } }, gpu1),
    'failure: gpu1: unknown reason',
    undefined,
  ],
  [
    unknownHost('gpu9', readRemoteHosts('gpu1,gpu2') ?? []),
    "host-unknown: There is no host 'gpu9' in remote_hosts of the configuration",
    'it lists gpu1, gpu2',
  ],
  [
    unknownHost('gpu9', []),
    "host-unknown: There is no host 'gpu9' in remote_hosts of the configuration",
    'it lists no host',
  ],
  [
    requestFailure({ kind: 'other-version', version: 2, program: '2.0.0' }, '1.0.0'),
    'host-incompatible: canhazgpu 1.0.0 there understands version 1 of requests, and canhazgpu 2.0.0 here sends version 2',
    sameVersion,
  ],
  [
    requestFailure({ kind: 'invalid' }, '1.0.0'),
    'host-incompatible: canhazgpu 1.0.0 there does not understand the request',
    sameVersion,
  ],
  [
    folderFailure('/data', 'No such file or directory'),
    'failure: cannot use the folder /data there: No such file or directory',
    folderHint,
  ],
  [noFolderHere(), 'failure: The current folder does not exist any longer', folderHint],
  [
    requestTooLong(),
    'usage: The command line is too long for another host',
    'write the command into a script there',
  ],
]

test.each(CASES)('%s', ({ code, message, hint }, expected, expectedHint) => {
  expect([`${code}: ${message}`, hint]).toEqual([expected, expectedHint])
})
