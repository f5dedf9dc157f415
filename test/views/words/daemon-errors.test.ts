import { expect, test } from 'bun:test'
import { printFailure } from '../../../src/cli/failures.ts'
import * as errors from '../../../src/domain/daemon-errors.ts'

const SOCKET = '/run/canhazgpu/daemon.sock'

/** What a command prints when the daemon cannot serve it, and its exit status. */
test.each([
  [
    errors.daemonDown(SOCKET),
    75,
    "Error: The daemon at /run/canhazgpu/daemon.sock does not answer - running jobs keep their GPUs; try again, or ask an administrator for 'systemctl status canhazgpu'\n",
  ],
  [
    errors.daemonStopped(),
    75,
    "Error: The daemon stopped before it answered, so the request may have been performed - see 'canhazgpu status', then try again if needed\n",
  ],
  [
    errors.alreadyEnded(),
    75,
    'Error: The GPUs were granted before the daemon was restarted, and the reservation has ended since - it was released or has expired; try again\n',
  ],
  [
    errors.tooManyConnections(),
    75,
    'Error: The daemon has too many connections - try again when some of your commands have ended\n',
  ],
  [
    errors.tooManyRequests(64),
    1,
    'Error: More than 64 requests of this connection are unanswered - install the same version, and restart the daemon\n',
  ],
  [
    errors.tooManyWaitingRequests(),
    75,
    'Error: Too many requests of this account wait for the daemon - try again when some of your commands have ended\n',
  ],
  [
    errors.otherVersion(),
    1,
    'Error: This canhazgpu and the daemon are of different versions - install the same version, and restart the daemon\n',
  ],
  [
    errors.unknownRequest(),
    1,
    'Error: The daemon does not understand this request - install the same version, and restart the daemon\n',
  ],
  [
    errors.foreignSocket('/home/ann/daemon.sock', '/home/ann'),
    1,
    'Error: Root does not use the daemon at /home/ann/daemon.sock: another account controls /home/ann - run it as an ordinary user, or give the daemon a socket in a folder of root\n',
  ],
  [
    errors.replaceableSocket('/srv/open'),
    1,
    'Error: Other accounts could replace a socket in /srv/open - name a socket in a folder that only your account can change with --socket\n',
  ],
  [
    errors.notSocket('/srv/notes.txt'),
    1,
    'Error: The file /srv/notes.txt is not a socket, so the daemon does not replace it - name another place with --socket\n',
  ],
  [
    errors.otherStore('unix:///run/canhazgpu/daemon.sock'),
    1,
    'Error: The daemon of this machine reserves its GPUs (unix:///run/canhazgpu/daemon.sock in /etc/canhazgpu/config.yaml), so another pool must not - leave out --store and CANHAZGPU_STORE, or use a pool of simulated GPUs\n',
  ],
  [
    errors.mayNotConnect(SOCKET),
    1,
    'Error: This account may not connect to the daemon at /run/canhazgpu/daemon.sock - ask an administrator\n',
  ],
  [
    errors.noPoolAtDaemon(),
    1,
    "Error: GPU pool not initialized - run 'sudo canhazgpu admin --gpus <count>' first\n",
  ],
  [
    errors.notAdministrator(),
    1,
    'Error: Only root may change the pool of the daemon - use sudo, or ask an administrator\n',
  ],
  [
    errors.groupAtDaemon('ml'),
    2,
    'Error: --group ml: the daemon serves every user, so its pool has no group\n',
  ],
  [
    errors.unseenProcess(),
    1,
    'Error: The daemon cannot see this process, so it would not notice its end - run it in the pid namespace of the daemon, or below it\n',
  ],
  [
    errors.daemonDefect(),
    1,
    "Error: The daemon failed; its log has the details - see 'journalctl -u canhazgpu'\n",
  ],
])('%s', (error, status, text) => {
  let printed = ''
  const stderr = (more: string) => {
    printed += more
  }
  expect(printFailure(error, { stderr, json: false, commandName: 'status' })).toBe(status)
  expect(printed).toBe(text)
})
