import type { GpuStatus } from '../../../domain/observation/status.ts'
import type { TermKind } from '../../../domain/pool/model.ts'

interface StateWords {
  /** In JSON. */
  readonly json: string
  /** In metrics and style sheets. */
  readonly name: string
  /** In the text of `status`. */
  readonly text: string
  /** In the table. */
  readonly short: string
  /** Its colour on a terminal (ANSI). */
  readonly color: number
  /** The column of `status --summary` in which it counts. */
  readonly column: 'available' | 'inUse' | 'drained' | 'errors'
  /** On the dashboard. */
  readonly label: string
  /** In a sentence of the dashboard, for screen readers. */
  readonly phrase: string
  /** A distinct shape on the dashboard (SVG path, 12 by 12), so that the colour is not needed. */
  readonly mark: string
}

/** The names of each state of a GPU in text, JSON, metrics and dashboard. */
export const STATES = {
  available: {
    json: 'AVAILABLE',
    name: 'available',
    text: 'AVAILABLE',
    short: 'AVAILABLE',
    color: 32,
    column: 'available',
    label: 'Available',
    phrase: 'available',
    mark: 'M6 .8a5.2 5.2 0 1 1 0 10.4A5.2 5.2 0 0 1 6 .8zm0 2.2a3 3 0 1 0 0 6 3 3 0 0 0 0-6z',
  },
  reserved: {
    json: 'IN_USE',
    name: 'in_use',
    text: 'IN USE',
    short: 'IN USE',
    color: 34,
    column: 'inUse',
    label: 'In use',
    phrase: 'in use',
    mark: 'M2.4 1.2h7.2a1.2 1.2 0 0 1 1.2 1.2v7.2a1.2 1.2 0 0 1-1.2 1.2H2.4a1.2 1.2 0 0 1-1.2-1.2V2.4a1.2 1.2 0 0 1 1.2-1.2z',
  },
  drained: {
    json: 'DRAINED',
    name: 'drained',
    text: 'DRAINED',
    short: 'DRAINED',
    color: 35,
    column: 'drained',
    label: 'Drained',
    phrase: 'drained',
    mark: 'M2.2 1.4h2.7v9.2H2.2zM7.1 1.4h2.7v9.2H7.1z',
  },
  unreserved: {
    json: 'UNRESERVED',
    name: 'unreserved',
    text: 'IN USE WITHOUT RESERVATION',
    short: 'UNRESERVED',
    color: 31,
    column: 'inUse',
    label: 'Unreserved',
    phrase: 'used without reservation',
    mark: 'M6 .9 11.6 11H.4z',
  },
  error: {
    json: 'ERROR',
    name: 'error',
    text: 'ERROR',
    short: 'ERROR',
    color: 33,
    column: 'errors',
    label: 'Fault',
    phrase: 'fault',
    mark: 'M2.5 1 6 4.5 9.5 1 11 2.5 7.5 6 11 9.5 9.5 11 6 7.5 2.5 11 1 9.5 4.5 6 1 2.5z',
  },
} as const satisfies Readonly<Record<GpuStatus['kind'], StateWords>>

type AnyState = (typeof STATES)[keyof typeof STATES]

export type State = AnyState['json']

type ByName = Readonly<{ [Name in State]: Extract<AnyState, { json: Name }> }>

/** Finds a state by its JSON name. */
export const STATE_BY_NAME: ByName = {
  AVAILABLE: STATES.available,
  IN_USE: STATES.reserved,
  DRAINED: STATES.drained,
  UNRESERVED: STATES.unreserved,
  ERROR: STATES.error,
}

interface TypeWords {
  /** In text. */
  readonly word: TermKind
  /** Until when a reservation of this type lasts. */
  readonly lasts: string
}

/** The types of reservations by their JSON names. */
export const TYPES = {
  RUN: { word: 'run', lasts: 'until its command ends' },
  MANUAL: { word: 'manual', lasts: 'reserved for a time' },
  BOOKING: { word: 'booking', lasts: 'booked for this time' },
} as const satisfies Readonly<Record<string, TypeWords>>
