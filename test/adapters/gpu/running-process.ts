import { userNames } from '../../../src/adapters/accounts/users.ts'

const SCRIPT = 'echo ready; read forever'

export interface RunningProcess extends AsyncDisposable {
  readonly pid: number
  readonly uid: number
  readonly user: string
  readonly command: string
}

/** A real process. With `uid` it is a process of that user, which needs root. It is killed when it is disposed. */
export async function startProcess(
  options: { readonly uid?: number | undefined } = {},
): Promise<RunningProcess> {
  const as = options.uid === undefined ? [] : ['setpriv', '--reuid', String(options.uid), '--clear-groups']
  const child = Bun.spawn([...as, 'sh', '-c', SCRIPT], { stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' })
  // Its first output proves that it is the shell, running as its user.
  await child.stdout.getReader().read()
  const uid = options.uid ?? process.geteuid?.() ?? -1
  return {
    pid: child.pid,
    uid,
    user: (await userNames([uid])).get(uid) ?? '',
    command: `sh -c ${SCRIPT}`,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await child.exited
    },
  }
}
