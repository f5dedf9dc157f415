import type { Chance } from '../../../simulation/chance.ts'
import { gpuUnit } from '../../../src/domain/pool/units.ts'
import type { Command } from './client.ts'
import type { World } from './world.ts'

/** The accounts that run, reserve and book, and the administrator. */
export const FIRST = 1_000
export const LAST = 1_002
export const ROOT = 0

/** A command about bookings, drains or limits; null if it needs a booking and there is none. */
export function calendarCommand(
  { clients, wall, pool }: World,
  chance: Chance,
): { readonly uid: number; readonly command: Command } | null {
  const uid = chance.between(FIRST, LAST)
  const unit = gpuUnit(chance.below(pool.units.length))
  const count = chance.between(1, 2)
  switch (chance.pick(['book', 'book', 'book', 'cancel', 'run', 'drain', 'restore', 'limit'] as const)) {
    case 'book': {
      const [from, lasts] = [wall + chance.between(1_000, 40_000), chance.between(1_000, 60_000)]
      return { uid, command: { kind: 'book', count, from, lasts } }
    }
    case 'cancel': {
      const booked = clients.filter(({ command }) => command.kind === 'book')
      if (booked.length === 0) return null
      const { id, process } = chance.pick(booked)
      return { uid: process.uid, command: { kind: 'cancel', id } }
    }
    case 'run':
      return { uid, command: { kind: 'run', count, wait: chance.is(0.5), untilBooked: true } }
    case 'drain':
      return { uid: ROOT, command: { kind: 'drain', unit } }
    case 'restore':
      return { uid: ROOT, command: { kind: 'restore', unit } }
    case 'limit':
      return { uid: ROOT, command: { kind: 'limit', most: chance.is(0.5) ? null : chance.between(0, 3) } }
  }
}
