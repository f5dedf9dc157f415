import { chmodSync, existsSync } from 'node:fs'

/** A program that abuses a daemon until it is disposed. */
export interface Abuser extends AsyncDisposable {
  readonly pid: number
  /** What it reports when its abuse is under way. */
  readonly facts: Promise<Readonly<Record<string, number>>>
}

export interface AbuserParts {
  readonly uid: number
  /** The compiled program, where that account can execute it. It contains Bun, which other users may not be able to read. */
  readonly executable: string
  /** That account can read it. */
  readonly folder: string
  readonly socket: string
  /** A name in abuser.ts. */
  readonly abuse: string
  /** The processors that it may use in a session of its own, as for taskset; by default all, in this session. */
  readonly processors?: string
}

export function startAbuser(parts: AbuserParts): Abuser {
  const { uid, executable, folder, socket, abuse, processors } = parts
  const script = bundled(folder)
  const pinned = processors === undefined ? [] : ['setsid', 'taskset', '--cpu-list', processors]
  const become = ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--pdeathsig=KILL']
  const child = Bun.spawn([...pinned, ...become, executable, script, socket, abuse], {
    ...{ env: { BUN_BE_BUN: '1' }, cwd: '/', stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' },
  })
  return {
    pid: child.pid,
    facts: firstLine(child.stdout),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await child.exited
    },
  }
}

async function firstLine(stdout: ReadableStream<Uint8Array>): Promise<Record<string, number>> {
  const { value } = await stdout.getReader().read()
  return JSON.parse(new TextDecoder().decode(value))
}

/** One file, because other users cannot read the checkout. */
function bundled(folder: string): string {
  const script = `${folder}/abuser.js`
  // Another abuser may be reading it.
  if (existsSync(script)) return script
  const source = new URL('abuser.ts', import.meta.url).pathname
  const argv = [process.execPath, 'build', '--target=bun', `--outfile=${script}`, source]
  const { exitCode, stderr } = Bun.spawnSync(argv, { stdout: 'ignore' })
  if (exitCode !== 0) throw new Error(`the abuser cannot be built: ${stderr}`)
  chmodSync(script, 0o644)
  return script
}
