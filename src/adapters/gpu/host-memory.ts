/** The memory of this machine in MiB, rounded down; undefined if it cannot be read. */
export async function hostMemoryMb(): Promise<number | undefined> {
  try {
    const text = await Bun.file('/proc/meminfo').text()
    const kib = /^MemTotal:\s+(\d+) kB$/m.exec(text)?.[1]
    return kib === undefined ? undefined : Math.floor(Number(kib) / 1024)
  } catch {
    // /proc is masked. Then no GPU counts as one that uses host memory.
    return undefined
  }
}
