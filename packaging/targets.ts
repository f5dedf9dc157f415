/** The machines that packages are made for. */
export interface Target {
  /** In the names of archives. */
  readonly name: string
  readonly bun: Bun.Build.CompileTarget
  /** The npm package that contains the Bun of this target. */
  readonly runtime: string
  /** The name of the processor in Go, by which nfpm knows it; only where there are `.deb` and `.rpm` packages. */
  readonly goArch?: 'amd64' | 'arm64'
}

export const TARGETS: readonly Target[] = [
  { name: 'linux-x64', bun: 'bun-linux-x64', runtime: '@oven/bun-linux-x64', goArch: 'amd64' },
  { name: 'linux-arm64', bun: 'bun-linux-arm64', runtime: '@oven/bun-linux-aarch64', goArch: 'arm64' },
  { name: 'linux-x64-musl', bun: 'bun-linux-x64-musl', runtime: '@oven/bun-linux-x64-musl' },
  { name: 'linux-arm64-musl', bun: 'bun-linux-arm64-musl', runtime: '@oven/bun-linux-aarch64-musl' },
]
