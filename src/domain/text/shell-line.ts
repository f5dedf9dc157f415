/** A shell construct where `run` expects a program and its arguments. */
export type ShellLine =
  /** `FOO=1 cmd` */
  | { readonly kind: 'assignment' }
  /** `cd /tmp` */
  | { readonly kind: 'builtin'; readonly name: string }
  /** `conda activate x`, in one word or in several */
  | { readonly kind: 'conda'; readonly name: string; readonly environment: string | undefined }
  /** A whole command line in one word. */
  | { readonly kind: 'quoted'; readonly line: string }

/** Common builtins of sh and bash that no package installs as programs. */
const BUILTINS =
  /^(\.|:|alias|bg|cd|declare|eval|exec|exit|export|fg|jobs|local|popd|pushd|read|set|shopt|source|trap|ulimit|umask|unset|wait)$/

const CONDA = /^(conda|mamba|micromamba)$/

/** The shell construct in these words; undefined if there is none. */
export function shellLineIn(words: readonly string[]): ShellLine | undefined {
  const [first = ''] = words
  const [name = '', ...rest] = first.trim().split(/\s+/)
  const following = rest.length > 0 ? rest : words.slice(1)
  if (/^[A-Za-z_]\w*=/.test(first)) return { kind: 'assignment' }
  if (CONDA.test(name) && following[0] === 'activate') {
    return { kind: 'conda', name, environment: following[1] }
  }
  if (rest.length > 0) return { kind: 'quoted', line: first }
  return BUILTINS.test(name) ? { kind: 'builtin', name } : undefined
}
