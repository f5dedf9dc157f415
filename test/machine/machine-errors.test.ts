import { expect } from 'bun:test'
import { chmodSync, copyFileSync, mkdirSync } from 'node:fs'
import type { FailureDocument } from '../../src/views/schemas/failure.ts'
import { failureOf } from '../support/failure.ts'
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

/** The errors of several commands with `--json`, in order. */
const errorsIn = (stderr: string): readonly FailureDocument['error'][] =>
  stderr
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).error)

const machine = needing('mounts', 'setpriv')

machine.test('without a pool, the error for an ordinary user names sudo', async () => {
  using pool = await testPool(0)
  delete pool.env.CANHAZGPU_STORE
  const { stderr } = await inMountNamespace(
    pool,
    `mount -t tmpfs -o mode=755 none /var/lib; ${AS_USER} admin --gpus 2 --provider fake --json
     ${AS_USER} status --json; "$CHG" status --json`,
  )
  const [create, byUser, byRoot] = errorsIn(stderr)
  expect(create).toMatchObject({
    code: 'permission-denied',
    message: expect.stringContaining('/var/lib/canhazgpu/pool.db'),
    hint: expect.stringMatching(/sudo.*--store/),
  })
  expect([byUser?.code, byRoot?.code]).toEqual(['pool-not-initialized', 'pool-not-initialized'])
  expect(byUser?.message).toContain("'sudo canhazgpu admin --gpus")
  expect(byRoot?.message).toContain("'canhazgpu admin --gpus")
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
     ${AS_USER} status --json; "$CHG" admin --check --json >&2; ls; "$CHG" status; ${AS_USER} status`,
    )
    const facts = {
      message: expect.stringContaining('/var/lib/canhazgpu/pool.db-wal'),
      remedy: expect.stringContaining('sudo canhazgpu status'),
    }
    const lines = stderr.trimEnd().split('\n')
    const [status = ''] = lines
    const check = lines.slice(1, -1).join('\n')
    expect(JSON.parse(status).error).toMatchObject({
      ...{ code: 'store-unavailable', message: facts.message, hint: facts.remedy },
    })
    expect(JSON.parse(check).problems[0]).toMatchObject({
      ...{ kind: 'access', what: facts.message, cure: facts.remedy },
    })
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
       ${AS_USER} status --json; "$CHG" status`,
      )
      const { error } = JSON.parse(stderr)
      expect(error).toMatchObject({
        code: 'config-invalid',
        message: expect.stringContaining('/etc/canhazgpu/config.yaml'),
      })
      for (const fact of ['sudo chmod a+rX /etc/canhazgpu /etc/canhazgpu/config.yaml', '--config']) {
        expect(error.hint).toContain(fact)
      }
      expect(stdout).toContain('GPU 0: AVAILABLE')
    },
  )
}

machine.test('without /bin/sh, run reports that and releases its GPU', async () => {
  using pool = await testPool(1)
  const run = await inMountNamespace(
    pool,
    `touch "$HOME/empty"; mount --bind "$HOME/empty" "$(readlink -f /bin/sh)"; exec "$CHG" run --json -- env`,
  )
  expect(failureOf(run)).toMatchObject({
    ...{ code: 'failure', status: 125 },
    ...{ message: expect.stringContaining('/bin/sh'), hint: expect.stringContaining('/bin/sh') },
  })
  expect((await pool.status()).map(({ status }) => status)).toEqual(['AVAILABLE'])
})

needing('prlimit').test('the error at a limit of the file size names the limit', async () => {
  using pool = await testPool(1)
  expect(failureOf(await pool.sh('prlimit --fsize=1024 "$CHG" reserve --json'))).toMatchObject({
    ...{ code: 'store-unavailable', status: 1 },
    hint: expect.stringContaining('ulimit -f unlimited'),
  })
  expect((await pool.status()).map((gpu) => gpu.status)).toEqual(['AVAILABLE'])
})
