import type { ErrorCode } from '../domain/errors.ts'

/** Stable exit codes, documented in docs/exit-codes.md. */
export const EXIT = {
  success: 0,
  failure: 1,
  usage: 2,
  unreachable: 69,
  tryAgainLater: 75,
  runFailure: 125,
  notExecutable: 126,
  notFound: 127,
  interrupted: 130,
  connectionLost: 255,
} as const

/** `run` exits with the status of its command, which may be 1. So `run` itself fails with 125. */
export function exitCodeOf(code: ErrorCode, command: string | undefined): number {
  switch (code) {
    case 'usage':
    case 'host-unknown':
    case 'impossible-request':
      return EXIT.usage
    case 'not-enough-gpus':
    case 'wait-timed-out':
    case 'too-many-waiting':
    case 'over-limit':
    case 'daemon-unavailable':
    case 'board-unavailable':
      return EXIT.tryAgainLater
    case 'host-unreachable':
      return EXIT.unreachable
    case 'connection-lost':
      return EXIT.connectionLost
    case 'interrupted':
      return EXIT.interrupted
    case 'command-not-found':
      return EXIT.notFound
    case 'command-not-executable':
      return EXIT.notExecutable
    default:
      return command === 'run' ? EXIT.runFailure : EXIT.failure
  }
}
