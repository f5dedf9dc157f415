import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { missing } from './needs.ts'

/** A rarely used module of glibc's name service switch. In a mount namespace the test replaces it. */
const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64'
const MODULE = [`/lib/${machine}-linux-gnu`, '/lib64', '/usr/lib64', '/usr/lib', '/lib']
  .map((folder) => `${folder}/libnss_hesiod.so.2`)
  .find((path) => existsSync(path))

/** Why a test cannot have its own name service here; null if it can. */
export function noNameService(): string | null {
  return missing('mounts', 'gcc') ?? (MODULE === undefined ? 'libnss_hesiod.so.2 is not installed' : null)
}

export interface NameService extends Disposable {
  /** Prefix of a command that gets names from `/etc/passwd`, and then from test/stand-ins/nss.c. */
  readonly words: readonly string[]
  /** As `words`, but runs a shell script before the command, in the same mount namespace. */
  after(script: string): readonly string[]
  /** The requests it received. */
  requests(): readonly string[]
}

export function nameService(): NameService {
  const folder = mkdtempSync(join(tmpdir(), 'canhazgpu-names-'))
  chmodSync(folder, 0o755)
  const log = `${folder}/asked`
  writeFileSync(log, '')
  chmodSync(log, 0o666)
  writeFileSync(`${folder}/nsswitch.conf`, 'passwd: files hesiod\ngroup: files hesiod\n')
  const source = new URL('../stand-ins/nss.c', import.meta.url).pathname
  const { exitCode, stderr } = Bun.spawnSync([
    ...['gcc', '-shared', '-fPIC', '-Wall', `-DLOG="${log}"`, '-o', `${folder}/module.so`, source],
  ])
  if (exitCode !== 0) throw new Error(stderr.toString())
  const mounts = [
    `mount --bind '${folder}/module.so' '${MODULE}'`,
    `mount --bind '${folder}/nsswitch.conf' /etc/nsswitch.conf`,
  ]
  const after = (script: string) => [
    ...['unshare', '-m', 'sh', '-c', [...mounts, script, 'exec "$@"'].join('\n'), 'sh'],
  ]
  return {
    words: after(''),
    after,
    requests: () => readFileSync(log, 'utf8').split('\n').slice(0, -1),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  }
}
