import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { binary, type TestPool } from '../support/pool.ts'

/** A call of a stand-in program. */
export interface Call {
  readonly program: string
  readonly args: readonly string[]
  readonly cuda: string
  readonly nvidia: string
}

/** These programs record their calls, and succeed at once. */
const RECORDED = ['python', 'python3', 'torchrun', 'accelerate', 'jupyter', 'docker', 'podman', 'pytest']

const FIELD = '\u001f'

/**
 * Puts `canhazgpu`, and stand-ins for the programs that pages start, on the PATH of the pool. The tests run as the owner
 * of the pool, so `sudo` has nothing to do.
 */
export function installPrograms(pool: TestPool): void {
  const folder = `${pool.folder}/programs`
  mkdirSync(folder)
  for (const name of ['canhazgpu', 'chg']) symlinkSync(binary, `${folder}/${name}`)
  const program = (name: string, script: string) =>
    writeFileSync(`${folder}/${name}`, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  program('sudo', 'exec "$@"')
  for (const name of RECORDED) program(name, recording(name, `${pool.folder}/calls`))
  pool.env.PATH = `${folder}:${pool.env.PATH}`
  // A tmux server of its own, also for an account that has no shell.
  pool.env.TMUX_TMPDIR = pool.folder
  pool.env.SHELL = '/bin/sh'
}

/** One `printf` is one write, so that lines of programs that run at once are whole. */
function recording(name: string, file: string): string {
  const fields = `'${name}' "$CUDA_VISIBLE_DEVICES" "$NVIDIA_VISIBLE_DEVICES" "$@"`
  return `line=$(printf '%s${FIELD}' ${fields})\nprintf '%s\\n' "$line" >> '${file}'`
}

/** The calls so far, in their order. */
export function callsOf(pool: TestPool): readonly Call[] {
  const lines = contentOf(`${pool.folder}/calls`).split('\n').slice(0, -1)
  return lines.map((line) => {
    const [program = '', cuda = '', nvidia = '', ...args] = line.split(FIELD)
    return { program, cuda, nvidia, args: args.slice(0, -1) }
  })
}

/** Whether the program can use GPUs, and only reserved ones. A container engine passes them on by number. */
export function hasItsGpus({ program, args, cuda, nvidia }: Call): boolean {
  if (program !== 'docker' && program !== 'podman') return cuda !== ''
  const words = args.join(' ')
  return (
    /device=[\d,]+|nvidia\.com\/gpu=\d/.test(words) ||
    (nvidia !== '' && words.includes('NVIDIA_VISIBLE_DEVICES'))
  )
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
