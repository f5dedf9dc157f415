import { join } from 'node:path'

/** An empty program, built like canhazgpu. Every such program takes at least as long as this one. */
export interface Floor {
  readonly program: string
}

export async function buildFloor(folder: string): Promise<Floor> {
  const source = join(folder, 'empty.ts')
  const program = join(folder, 'empty')
  await Bun.write(source, 'export {}\n')
  const built = await Bun.build({
    entrypoints: [source],
    target: 'bun',
    format: 'esm',
    minify: true,
    bytecode: true,
    compile: {
      outfile: program,
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
  })
  if (!built.success) throw new AggregateError(built.logs, 'the empty program cannot be built')
  return { program }
}
