import { expect } from 'bun:test'
import { chmodSync, copyFileSync, mkdirSync } from 'node:fs'
import { needing } from '../support/needs.ts'
import { type Finished, type TestPool, testPool } from '../support/pool.ts'

/** An account that does not exist. */
const USER = 'setpriv --reuid=4000000 --regid=4000000 --clear-groups env HOME=/nonexistent "$CHG"'

/** Runs a script that may change what is mounted, with an executable that every user can run. */
async function aside(pool: TestPool, script: string): Promise<Finished> {
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
  const { stderr } = await aside(
    pool,
    `mount -t tmpfs -o mode=755 none /var/lib; ${USER} admin --gpus 2 --provider fake; ${USER} status; "$CHG" status`,
  )
  expect(stderr.split('\n')).toEqual([
    'Error: No permission to create the pool /var/lib/canhazgpu/pool.db - use sudo, or name another place with --store',
    "Error: GPU pool not initialized - run 'sudo canhazgpu admin --gpus <count>' first",
    "Error: GPU pool not initialized - run 'canhazgpu admin --gpus <count>' first",
    '',
  ])
})

machine.test(
  'a lost log: the message names the command that repairs it; --check changes nothing',
  async () => {
    using pool = await testPool(0)
    delete pool.env.CANHAZGPU_STORE
    const { stdout, stderr } = await aside(
      pool,
      `mount -t tmpfs -o mode=755 none /var/lib
     "$CHG" admin --gpus 1 --provider fake; cd /var/lib/canhazgpu; rm pool.db-wal pool.db-shm
     ${USER} status; "$CHG" admin --check >&2; ls; "$CHG" status; ${USER} status`,
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

for (const [what, closes] of [
  ['file', 'chmod 600 /etc/canhazgpu/config.yaml'],
  ['folder', 'chmod 700 /etc/canhazgpu'],
] as const) {
  machine.test(`a closed ${what} of the configuration of the machine is named, with a remedy`, async () => {
    using pool = await testPool(1)
    const { stdout, stderr } = await aside(
      pool,
      `mount -t tmpfs none "$HOME/etc"; cp -a /etc/. "$HOME/etc"; mount --bind "$HOME/etc" /etc
       mkdir -m 755 /etc/canhazgpu; echo "run.wait: false" >/etc/canhazgpu/config.yaml; ${closes}
       ${USER} status; "$CHG" status`,
    )
    expect(stderr).toBe(
      "Error: Cannot read the configuration /etc/canhazgpu/config.yaml: Permission denied - an administrator makes it readable with 'sudo chmod a+rX /etc/canhazgpu /etc/canhazgpu/config.yaml'; a password of 'web' belongs in another file, named with --config\n",
    )
    expect(stdout).toContain('GPU 0: AVAILABLE')
  })
}

machine.test('without /bin/sh a run reports it and releases its GPU', async () => {
  using pool = await testPool(1)
  const { stderr } = await aside(
    pool,
    `touch "$HOME/empty"; mount --bind "$HOME/empty" "$(readlink -f /bin/sh)"; exec "$CHG" run -- env`,
  )
  expect(stderr).toBe(
    'Error: cannot start a background process: /bin/sh: Permission denied - canhazgpu starts its supervisor with /bin/sh: install a shell there\n',
  )
  expect((await pool.status()).map(({ status }) => status)).toEqual(['AVAILABLE'])
})

needing('prlimit').test('a limit of the file size is named', async () => {
  using pool = await testPool(1)
  const { stderr, status } = await pool.sh('prlimit --fsize=1024 "$CHG" reserve')
  expect(stderr).toMatch(
    /^Error: The pool .* exceeds the file size limit of this process - .*'ulimit -f unlimited'.*\n$/,
  )
  expect(status).toBe(1)
  expect((await pool.status()).map((gpu) => gpu.status)).toEqual(['AVAILABLE'])
})
