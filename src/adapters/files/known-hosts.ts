import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { type HostName, readHostName } from '../../domain/fleet/host-name.ts'
import type { Millis } from '../../domain/pool/model.ts'
import type { KnownHosts } from '../../ports/known-hosts.ts'
import { statusOf } from '../kernel/libc/paths.ts'
import { effectiveUid } from '../kernel/libc/rights.ts'
import { readSmallFile } from './small-file.ts'

const MOST_BYTES = 1024 * 1024
const MOST_HOSTS = 5_000
/** The file is written this often if only the times have changed. */
const WRITTEN_EVERY_MS: Millis = 60_000

interface Place {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The address of the board. Each has its own file. */
  readonly board: string
  /** Wall time. */
  readonly now: () => Millis
}

/**
 * The known hosts of an account, in a file below its home folder. Null without a home folder, or in one of another
 * account: root under sudo must not write there.
 */
export function knownHosts({ env, board, now }: Place): KnownHosts | null {
  const { HOME: home = '', XDG_STATE_HOME: state = '' } = env
  const status = home.startsWith('/') ? statusOf(home) : -1
  if (typeof status === 'number' || status.uid !== effectiveUid()) return null
  const folder = `${state.startsWith('/') ? state : `${home}/.local/state`}/canhazgpu`
  const path = `${folder}/hosts-${Bun.hash(board).toString(16)}.json`
  const read = () => signsIn(readSmallFile(path, MOST_BYTES))
  return {
    load: () => new Map([...read()].map(([host, at]) => [host, Math.max(0, now() - at)])),
    save: (ages) => {
      const youngest = [...ages].toSorted(([, a], [, b]) => a - b).slice(0, MOST_HOSTS)
      const signs = new Map(youngest.map(([host, age]) => [host, now() - age]))
      if (!isNews(signs, read())) return
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 })
        const fresh = `${path}.${process.pid}`
        writeFileSync(fresh, JSON.stringify(Object.fromEntries(signs)), { mode: 0o600, flag: 'wx' })
        renameSync(fresh, path)
      } catch {
        // A full disk or a read-only home folder: the next view knows less.
      }
    },
  }
}

function signsIn(text: ReturnType<typeof readSmallFile>): ReadonlyMap<HostName, Millis> {
  const signs = new Map<HostName, Millis>()
  if (typeof text !== 'string') return signs
  try {
    for (const [name, at] of Object.entries<unknown>(JSON.parse(text) ?? {})) {
      const host = readHostName(name)
      if (host !== undefined && typeof at === 'number') signs.set(host, at)
    }
  } catch {
    // Not written by this program.
  }
  return signs
}

function isNews(signs: ReadonlyMap<HostName, Millis>, written: ReadonlyMap<HostName, Millis>): boolean {
  const isWritten = ([host, at]: readonly [HostName, Millis]) => {
    const before = written.get(host)
    return before !== undefined && Math.abs(at - before) < WRITTEN_EVERY_MS
  }
  return signs.size !== written.size || ![...signs].every(isWritten)
}
