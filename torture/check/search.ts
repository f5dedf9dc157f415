/** The index of the first item whose key is not below the limit. The items are sorted by the key. */
export function firstAtOrAfter<Each>(
  all: readonly Each[],
  limit: number,
  keyOf: (each: Each) => number,
): number {
  let [low, high] = [0, all.length]
  while (low < high) {
    const middle = (low + high) >> 1
    const each = all[middle]
    if (each !== undefined && keyOf(each) < limit) low = middle + 1
    else high = middle
  }
  return low
}
