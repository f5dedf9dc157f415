import { BoardConnection } from '../adapters/board/connection.ts'
import { RedisBoard } from '../adapters/board/redis-board.ts'
import { readSmallFile } from '../adapters/files/small-file.ts'
import { steadyNow } from '../adapters/kernel/clock.ts'
import { EACCES } from '../adapters/kernel/libc/errno.ts'
import { type BoardAddress, isBoardUrl } from '../domain/fleet/board-address.ts'
import { closedBoardFile, noUrlInBoardFile, unreadableBoardFile } from '../domain/fleet/fleet-errors.ts'
import type { Millis } from '../domain/pool/model.ts'

/**
 * No command on a GPU waits for this: publishing has its own process, or is done by the daemon beside its other work. On
 * a slow network a connection takes two to four round trips.
 */
const DEADLINE_MS: Millis = 3_000
/** Shorter than the pause of a publisher. */
const REST_MS: Millis = 4_000

/** Connects when it is first used. Throws `config-invalid` if the file with the URL cannot be read. */
export function openBoard(address: BoardAddress): RedisBoard {
  const url = urlOf(address)
  return new RedisBoard(new BoardConnection({ url, deadline: DEADLINE_MS, rest: REST_MS, clock: steadyNow }))
}

/** The name of the server, without the password. Throws as `openBoard`. */
export const serverOf = (address: BoardAddress): string => new URL(urlOf(address)).host

/** The server and its database. Throws as `openBoard`. */
export function boardOf(address: BoardAddress): string {
  const { host, pathname } = new URL(urlOf(address))
  return `${host}${pathname}`
}

/** Whether this process can read the URL. */
export function canReadUrl(address: BoardAddress): boolean {
  try {
    return urlOf(address) !== ''
  } catch {
    return false
  }
}

const MOST_BYTES = 4_096

function urlOf(address: BoardAddress): string {
  if (address.kind === 'url') return address.url
  const { path } = address
  const text = readSmallFile(path, MOST_BYTES)
  if (typeof text !== 'string') {
    if (text.kind === 'failed' && text.errno === EACCES) throw closedBoardFile(path)
    throw unreadableBoardFile(path, text.kind === 'too-large' ? 'it is too long' : text.reason)
  }
  const url = text.trim()
  if (isBoardUrl(url)) return url
  throw noUrlInBoardFile(path)
}
