import type { Millis, Requirements, Unit } from '../pool/model.ts'
import { hasRequirements, isSuitable } from '../pool/suitable.ts'

/** The places of the units that meet some requirements. */
export interface Suitable {
  readonly places: readonly number[]
  /** The earliest time at which each of them may be free, sorted. The calendar computes it on demand. */
  frees: readonly Millis[] | undefined
  /** The earliest start of a request between bookings, by its size and the time that it needs. Computed on demand. */
  readonly starts: Map<string, Millis>
}

/** Finds suitable units. Types are compared once, because many requests have the same requirements. */
export class SuitablePlaces {
  readonly #units: readonly Unit[]
  readonly #byRequirements = new Map<Requirements, Suitable>()
  readonly #byText = new Map<string, Suitable>()

  constructor(units: readonly Unit[]) {
    this.#units = units
  }

  for(requirements: Requirements): Suitable {
    const known = this.#byRequirements.get(requirements)
    if (known !== undefined) return known
    const { gpuTypes, leastMemoryMb } = requirements
    const text = hasRequirements(requirements) ? `${gpuTypes} ${leastMemoryMb}` : ''
    const suitable = this.#byText.get(text) ?? {
      ...{ places: this.#placesFor(requirements), frees: undefined },
      starts: new Map<string, Millis>(),
    }
    this.#byRequirements.set(requirements, suitable)
    this.#byText.set(text, suitable)
    return suitable
  }

  forgetTimes(): void {
    for (const suitable of this.#byText.values()) {
      suitable.frees = undefined
      suitable.starts.clear()
    }
  }

  #placesFor(requirements: Requirements): readonly number[] {
    return this.#units.flatMap((unit, place) => (isSuitable(unit, requirements) ? [place] : []))
  }
}
