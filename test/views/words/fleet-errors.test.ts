import * as errors from '../../../src/domain/fleet/fleet-errors.ts'
import { testErrors } from './error-line.ts'

testErrors([
  [
    'board-unavailable',
    'The notice board at board:6379 cannot be used: no answer within 1000 ms - every host works without it; look at the server and at the setting fleet',
    () => errors.boardUnavailable('board:6379', 'no answer within 1000 ms'),
  ],
  [
    'board-unavailable',
    'The notice board cannot be used: its answer makes no sense - the setting fleet must name a Redis (6 or newer) or a Valkey server',
    errors.strangeBoard,
  ],
  [
    'config-invalid',
    'Cannot read /etc/canhazgpu/fleet, which the setting fleet names: No such file or directory - the file must contain the URL of the board',
    () => errors.unreadableBoardFile('/etc/canhazgpu/fleet', 'No such file or directory'),
  ],
  [
    'permission-denied',
    'You may not read /etc/canhazgpu/fleet, which the setting fleet names - to look at other hosts, set fleet in ~/.canhazgpu.yaml, or CANHAZGPU_FLEET, to a URL that may read the board',
    () => errors.closedBoardFile('/etc/canhazgpu/fleet'),
  ],
  [
    'config-invalid',
    '/etc/canhazgpu/fleet, which the setting fleet names, has no URL of a notice board - expected redis://[user:password@]host[:port][/number], rediss://…[?ca=/path/to/ca.pem] for TLS, or file:/path/to/file that has such a URL',
    () => errors.noUrlInBoardFile('/etc/canhazgpu/fleet'),
  ],
  [
    'host-unknown',
    "There is no host 'gpu 9' in remote_hosts or on the notice board - 'canhazgpu status --all --summary' lists the hosts",
    () => errors.hostUnknown('gpu\u001b9'),
  ],
  [
    'host-incompatible',
    'This version does not understand what gpu4 publishes - install the same version on both hosts',
    () => errors.notUnderstood('gpu4'),
  ],
  [
    'failure',
    'Another host publishes as gpu1 on the notice board - give each host a name of its own with the setting host-name',
    () => errors.namesake('gpu1'),
  ],
  [
    'host-unreachable',
    'Cannot reach gpu3: Connection refused - try: ssh gpu3 true',
    () => errors.hostUnreachable({ name: 'gpu3' }, 'Connection refused.'),
  ],
])
