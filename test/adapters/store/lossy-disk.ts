import { dirname } from 'node:path'
import type { Chance } from '../../../simulation/chance.ts'
import type { DiskEvent } from './recording.ts'

/** The unit that a disk writes completely or not at all. */
const SECTOR = 512

/** The contents of files, by path. */
export type Image = ReadonlyMap<string, Uint8Array>

type Change = Extract<DiskEvent, { kind: 'write' | 'truncate' }>
type Entry = Extract<DiskEvent, { kind: 'appear' | 'vanish' }>
type Pending<Event> = { readonly at: number; readonly event: Event }

/**
 * A disk that keeps everything that was synced and any part of the rest. Of the writes that were not synced it keeps any
 * sectors, and of the new and removed names in a folder any names. Files of shared memory are lost.
 */
export class LossyDisk {
  readonly #ignoresSyncs: boolean
  /** The contents of files that were synced. */
  readonly #kept = new Map<string, Content>()
  readonly #names = new Set<string>()
  /** All entries that ever appeared, and whether each is a folder. Other entries existed before. */
  readonly #appeared = new Map<string, boolean>()
  #changes: Pending<Change>[] = []
  #entries: Pending<Entry>[] = []
  #count = 0

  constructor(options: { readonly ignoresSyncs: boolean }) {
    this.#ignoresSyncs = options.ignoresSyncs
  }

  take(event: DiskEvent): void {
    const at = this.#count++
    switch (event.kind) {
      case 'output':
        return
      case 'sync':
        if (!this.#ignoresSyncs) this.#sync(event.path, event.began)
        return
      case 'appear':
        this.#appeared.set(event.path, event.isFolder)
        this.#entries.push({ at, event })
        return
      case 'vanish':
        this.#entries.push({ at, event })
        return
      default:
        if (!event.path.endsWith('-shm')) this.#changes.push({ at, event })
    }
  }

  /** Everything written so far: the state after every process was killed. */
  whole(): Image {
    return this.#image(() => true)
  }

  /** A state that a power failure may leave now: each part that was not synced survives with this probability. */
  afterPowerLoss(chance: Chance, probability: number): Image {
    return this.#image(() => chance.is(probability))
  }

  #sync(path: string, began: number): void {
    const isSynced = ({ at, event }: Pending<Change | Entry>): boolean =>
      at < began && (isEntry(event) ? dirname(event.path) : event.path) === path
    for (const { event } of this.#changes.filter(isSynced)) {
      const content = this.#kept.get(event.path) ?? new Content()
      this.#kept.set(event.path, content)
      content.apply(event, () => true)
    }
    for (const { event } of this.#entries.filter(isSynced)) applyEntry(this.#names, event)
    this.#changes = this.#changes.filter((each) => !isSynced(each))
    this.#entries = this.#entries.filter((each) => !isSynced(each))
  }

  #image(keeps: () => boolean): Image {
    const names = new Set(this.#names)
    for (const { event } of this.#entries) if (keeps()) applyEntry(names, event)
    const touched = new Map<string, Content>()
    for (const { event } of this.#changes) {
      const content = touched.get(event.path) ?? this.#kept.get(event.path)?.clone() ?? new Content()
      touched.set(event.path, content)
      content.apply(event, keeps)
    }
    const isThere = (path: string): boolean =>
      path === '/' || ((!this.#appeared.has(path) || names.has(path)) && isThere(dirname(path)))
    const image = new Map<string, Uint8Array>()
    for (const [path, isFolder] of this.#appeared) {
      if (isFolder || !isThere(path)) continue
      image.set(path, (touched.get(path) ?? this.#kept.get(path) ?? new Content()).bytes())
    }
    return image
  }
}

const isEntry = (event: Change | Entry): event is Entry => event.kind === 'appear' || event.kind === 'vanish'

function applyEntry(names: Set<string>, { kind, path }: Entry): void {
  if (kind === 'appear') names.add(path)
  else names.delete(path)
}

/** The bytes of one file. */
class Content {
  #bytes = new Uint8Array(8192)
  #size = 0

  clone(): Content {
    const copy = new Content()
    copy.#bytes = this.#bytes.slice()
    copy.#size = this.#size
    return copy
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#size)
  }

  /** Copies the sectors that are kept. */
  apply(change: Change, keeps: () => boolean): void {
    if (change.kind === 'truncate') {
      if (keeps()) this.#resize(change.size)
      return
    }
    const { offset, data } = change
    for (let from = 0; from < data.length; ) {
      const to = Math.min(data.length, from + SECTOR - ((offset + from) % SECTOR))
      if (keeps()) {
        if (this.#size < offset + to) this.#resize(offset + to)
        this.#bytes.set(data.subarray(from, to), offset + from)
      }
      from = to
    }
  }

  #resize(size: number): void {
    if (size < this.#size) this.#bytes.fill(0, size)
    if (size > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(size, 2 * this.#bytes.length))
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    this.#size = size
  }
}
