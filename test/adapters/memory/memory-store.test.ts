import { MemoryPlace } from '../../../src/adapters/memory/memory-place.ts'
import { MemoryStore } from '../../../src/adapters/memory/memory-store.ts'
import { storeContract } from '../store/store-contract.ts'

storeContract('the store in memory', () => {
  const place = new MemoryPlace()
  return {
    create: async (now) => new MemoryStore(place, now),
    open: async (now) => new MemoryStore(place, now),
    [Symbol.dispose]: () => {},
  }
})
