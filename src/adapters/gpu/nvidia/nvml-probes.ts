import { readdir } from 'node:fs/promises'
import { setParentDeathSignal } from '../../kernel/libc/programs.ts'
import { STANDARD_LIBRARY } from './nvml-answer.ts'
import { openLibrary, readGpus } from './nvml-child.ts'
import { NvmlLibrary } from './nvml-library.ts'

/** The driver lists its GPUs here, one folder each. */
export const GPU_FOLDERS = '/proc/driver/nvidia/gpus'

const SIGKILL = 9

/**
 * The command `canhazgpu __probes nvml [library] [folder]`: keeps NVML open, and answers every line on its standard
 * input with one JSON line. It exits when its standard input closes. It exits without an answer when the driver has
 * other GPUs than before, because an open NVML does not report GPUs that were added.
 */
export async function nvmlProbesMain(
  library: string = process.argv[4] ?? STANDARD_LIBRARY,
  folder: string = process.argv[5] ?? GPU_FOLDERS,
): Promise<void> {
  // During a call that hangs, this process cannot detect that its standard input was closed.
  setParentDeathSignal(SIGKILL)
  let opened: { readonly nvml: ReturnType<typeof openLibrary>; readonly gpus: string } | undefined
  for await (const _ of lines(Bun.stdin.stream())) {
    const gpus = await gpuSet(folder)
    opened ??= { nvml: openLibrary(library), gpus }
    if (opened.gpus !== gpus) return
    const answer = opened.nvml instanceof NvmlLibrary ? readGpus(opened.nvml) : opened.nvml
    // The leading line break separates this line from anything that the library printed.
    await Bun.write(Bun.stdout, `\n${JSON.stringify(answer)}\n`)
  }
}

/** Yields at every line break. */
async function* lines(input: ReadableStream<Uint8Array>): AsyncIterable<void> {
  const LINE_BREAK = 10
  for await (const chunk of input) {
    for (const byte of chunk) if (byte === LINE_BREAK) yield
  }
}

/** The names of the driver's GPUs. Empty if the driver does not list them. */
async function gpuSet(folder: string): Promise<string> {
  const names = await readdir(folder).catch(() => [])
  return names.toSorted().join(' ')
}
