import { expect } from 'bun:test'
import { chmodSync, copyFileSync, mkdirSync } from 'node:fs'
import { needing } from '../support/needs.ts'
import { type Finished, type TestPool, testPool } from '../support/pool.ts'

/** Runs the program as an ordinary user: an account without a name. */
const AS_USER = 'setpriv --reuid=4000000 --regid=4000000 --clear-groups env HOME=/nonexistent "$CHG"'

/** Runs a script in its own mount namespace, with an executable that every user can run. */
async function inMountNamespace(pool: TestPool, script: string): Promise<Finished> {
  chmodSync(pool.folder, 0o755)
  const executable = `${pool.folder}/canhazgpu`
  copyFileSync(pool.env.CHG ?? '', executable)
  chmodSync(executable, 0o755)
  mkdirSync(`${pool.folder}/etc`)
  pool.env.CHG = executable
  return pool.sh(`exec unshare -m sh -c '${script}'`)
}

const machine = needing('mounts', 'setpriv')

machine.test('without a pool, the error for an ordinary user names sudo', async () => {
  using pool = await testPool(0)
  delete pool.env.CANHAZGPU_STORE
  const { stderr } = await inMountNamespace(
    pool,
    `mount -t tmpfs -o mode=755 none /var/lib; ${AS_USER} admin --gpus 2 --provider fake; ${AS_USER} status; "$CHG" status`,
  )
  expect(stderr.split('\n')).toEqual([
    'Error: No permission to create the pool /var/lib/canhazgpu/pool.db - use sudo, or name another place with --store',
    "Error: GPU pool not initialized - run 'sudo canhazgpu admin --gpus <count>' first",
    "Error: GPU pool not initialized - run 'canhazgpu admin --gpus <count>' first",
    '',
  ])
})

machine.test(
  'without the log of the database, the message names the command that creates it; --check changes nothing',
  async () => {
    using pool = await testPool(0)
    delete pool.env.CANHAZGPU_STORE
    const { stdout, stderr } = await inMountNamespace(
      pool,
      `mount -t tmpfs -o mode=755 none /var/lib
     "$CHG" admin --gpus 1 --provider fake; cd /var/lib/canhazgpu; rm pool.db-wal pool.db-shm
     ${AS_USER} status; "$CHG" admin --check >&2; ls; "$CHG" status; ${AS_USER} status`,
    )
    const missing = '/var/lib/canhazgpu/pool.db-wal is missing'
    const [status, ...check] = stderr.trimEnd().split('\n')
    expect(status).toBe(
      `Error: The pool /var/lib/canhazgpu/pool.db cannot be opened: ${missing} and only root can create it - run 'sudo canhazgpu status', which repairs it`,
    )
    expect(check[0]).toBe(
      `${missing}, and only root can create it - run 'sudo canhazgpu status', which repairs it`,
    )
    expect(stdout.split('\n').slice(1, -1)).toEqual([
      ...['pool.db', 'pool.db-bells', 'pool.db-wake'],
      ...Array(2).fill('GPU 0: AVAILABLE (never used) [validated: 0MB used]'),
    ])
  },
)

for (const [part, script] of [
  ['file', 'chmod 600 /etc/canhazgpu/config.yaml'],
  ['folder', 'chmod 700 /etc/canhazgpu'],
] as const) {
  machine.test(
    `the error for an unreadable ${part} of the machine's configuration names it and a remedy`,
    async () => {
      using pool = await testPool(1)
      const { stdout, stderr } = await inMountNamespace(
        pool,
        `mount -t tmpfs none "$HOME/etc"; cp -a /etc/. "$HOME/etc"; mount --bind "$HOME/etc" /etc
       mkdir -m 755 /etc/canhazgpu; echo "run.wait: false" >/etc/canhazgpu/config.yaml; ${script}
       ${AS_USER} status; "$CHG" status`,
      )
      expect(stderr).toBe(
        "Error: Cannot read the configuration /etc/canhazgpu/config.yaml: Permission denied - an administrator makes it readable with 'sudo chmod a+rX /etc/canhazgpu /etc/canhazgpu/config.yaml'; a password of 'web' belongs in another file, named with --config\n",
      )
      expect(stdout).toContain('GPU 0: AVAILABLE')
    },
  )
}

machine.test('without /bin/sh, run reports that and releases its GPU', async () => {
  using pool = await testPool(1)
  const { stderr } = await inMountNamespace(
    pool,
    `touch "$HOME/empty"; mount --bind "$HOME/empty" "$(readlink -f /bin/sh)"; exec "$CHG" run -- env`,
  )
  expect(stderr).toBe(
    'Error: cannot start a background process: /bin/sh: Permission denied - canhazgpu starts its supervisor with /bin/sh: install a shell there\n',
  )
  expect((await pool.status()).map(({ status }) => status)).toEqual(['AVAILABLE'])
})

needing('prlimit').test('the error at a limit of the file size names the limit', async () => {
  using pool = await testPool(1)
  const { stderr, status } = await pool.sh('prlimit --fsize=1024 "$CHG" reserve')
  expect(stderr).toMatch(
    /^Error: The pool .* exceeds the file size limit of this process - .*'ulimit -f unlimited'.*\n$/,
  )
  expect(status).toBe(1)
  expect((await pool.status()).map((gpu) => gpu.status)).toEqual(['AVAILABLE'])
})
