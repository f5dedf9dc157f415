import { expect } from 'bun:test'
import * as v from 'valibot'
import { type HostStatusDocument, statusOfHosts } from '../../src/views/schemas/fleet.ts'
import type { Finished } from './pool.ts'
import { until } from './until.ts'

/** Somebody who can look at all hosts. */
export interface Reader {
  chg(...words: string[]): Promise<Finished>
}

/** What a reader sees of a host; undefined if it is not there. */
export async function seenBy(reader: Reader, name: string): Promise<HostStatusDocument | undefined> {
  const { stdout } = await reader.chg('status', '--all', '--json')
  return v.parse(statusOfHosts, JSON.parse(stdout || '[]')).find(({ host }) => host === name)
}

/** Waits until the GPUs of a host are seen in these states. */
export const untilSeen = (reader: Reader, name: string, states: string): Promise<HostStatusDocument> =>
  until(`${name} is seen as ${states}`, async () => {
    const host = await seenBy(reader, name)
    return host?.gpus?.map(({ status }) => status).join(', ') === states && host
  })

/** Commands that change and show a pool of two GPUs. All are then reserved. */
const ON_TWO_GPUS = ['status', 'reserve --gpus 1', 'run -- true', 'release', 'reserve --gpus 2', 'status']

/** Types command lines on both pools, and expects that both print the same and end with the same status. */
export async function expectTheSame(
  pool: Reader,
  other: Reader,
  lines: readonly string[] = ON_TWO_GPUS,
): Promise<void> {
  for (const line of lines) {
    const words = line.split(' ')
    expect(withoutNumbers(await pool.chg(...words))).toEqual(withoutNumbers(await other.chg(...words)))
  }
}

/** What a command said, without what differs between two pools: ids, times and paths. */
const withoutNumbers = ({ status, stdout, stderr }: Finished) => ({
  status,
  stdout: stdout.replace(/\d+/g, '#'),
  stderr: stderr.replace(/\d+/g, '#'),
})
