import { readFileSync } from 'node:fs'
import { root } from './sources.ts'

/** What the original canhazgpu itself left in a Redis server. */
export interface OriginalData {
  /** When it was read there. */
  readonly at: number
  /** Of each key its text, or the members of a sorted set with their scores. */
  readonly keys: Readonly<Record<string, string | Readonly<Record<string, number>>>>
}

/** `test/fixtures/original-NAME.json`, with other names of accounts. */
export function originalData(name: string, accounts: Readonly<Record<string, string>>): OriginalData {
  const renamed = (text: string) =>
    Object.entries(accounts).reduce((all, [from, to]) => all.replaceAll(`"${from}"`, `"${to}"`), text)
  const { at, keys }: OriginalData = JSON.parse(
    readFileSync(`${root}test/fixtures/original-${name}.json`, 'utf8'),
  )
  const values = Object.entries(keys).map(([key, value]) => [
    key,
    typeof value === 'string'
      ? renamed(value)
      : Object.fromEntries(Object.entries(value).map(([member, score]) => [renamed(member), score])),
  ])
  return { at, keys: Object.fromEntries(values) }
}

/** Writes it to a server as it was. */
export async function restoreOriginal(
  { keys }: OriginalData,
  ask: (command: string, ...words: string[]) => Promise<unknown>,
): Promise<void> {
  for (const [key, value] of Object.entries(keys)) {
    if (typeof value === 'string') await ask('SET', key, value)
    else for (const [member, score] of Object.entries(value)) await ask('ZADD', key, String(score), member)
  }
}

interface UsageText {
  readonly gpu_id: number
  readonly start_time: string
  readonly end_time: string
}

/** Its usage records, in no order. */
export function originalRecords({ keys }: OriginalData): readonly UsageText[] {
  const texts = Object.entries(keys).flatMap(([key, value]) => {
    if (!key.startsWith('canhazgpu:usage_history')) return []
    return typeof value === 'string' ? [value] : Object.keys(value)
  })
  return texts.map((text) => JSON.parse(text))
}
