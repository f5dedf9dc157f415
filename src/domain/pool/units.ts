import type { Holding, Pool, Reservation, UnitId } from './model.ts'

/** The number of the GPU that a unit is, or is part of: 3 for `3` and for `3.0`. */
export const gpuNumber = (unit: UnitId): number => Number.parseInt(unit, 10)

/** The name of a whole GPU as a unit. */
export const gpuUnit = (number: number): UnitId => String(number)

/** Orders `2` before `10`, and `3` before `3.0` before `3.1`. */
export const compareUnits = (a: UnitId, b: UnitId): number =>
  Number.parseInt(a, 10) - Number.parseInt(b, 10) || instanceNumber(a) - instanceNumber(b)

/** The number of the MIG instance; -1 for a whole GPU. */
function instanceNumber(unit: UnitId): number {
  const dot = unit.indexOf('.')
  return dot < 0 ? -1 : Number.parseInt(unit.slice(dot + 1), 10)
}

/** The units that a reservation holds, in order. */
export const unitsOf = ({ holdings }: Pick<Reservation, 'holdings'>): readonly UnitId[] =>
  holdings.map(({ unit }) => unit)

/** Holdings of whole units, in order. */
export const wholeUnits = (units: readonly UnitId[]): readonly Holding[] =>
  units.toSorted(compareUnits).map((unit) => ({ unit, share: { kind: 'whole' } }))

/** Whether the pool has this unit. */
export const hasUnit = ({ units }: Pool, id: UnitId): boolean => units.some((unit) => unit.id === id)
