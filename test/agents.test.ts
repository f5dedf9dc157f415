import { describe, expect, test } from 'bun:test'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { EXIT } from '../src/cli/exit-codes.ts'
import { daemonPool } from './support/daemon.ts'
import { storedPool } from './support/database.ts'
import { embeddedPool } from './support/embedded.ts'
import { startForever } from './support/job.ts'
import { binary, type TestPool } from './support/pool.ts'
import { root } from './support/sources.ts'
import { until } from './support/until.ts'

const page = await Bun.file(`${root}docs/agents.md`).text()

const blocks = (language: string, text: string): readonly string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    ([, code = '']) => code,
  )

/** Every command line in a block of the page, and every script. */
const SCRIPTS: readonly string[] = [
  ...blocks('sh', page).flatMap((block) => block.trimEnd().split('\n')),
  ...blocks('bash', page),
]

/** Puts `canhazgpu` and a stand-in for Python on the path: a Python script appends its name and GPUs to the file `ran`. */
function withPrograms(pool: TestPool, exitStatus = 0): void {
  const programs = `${pool.folder}/programs`
  mkdirSync(programs)
  symlinkSync(binary, `${programs}/canhazgpu`)
  const python = `#!/bin/sh\necho "$1 $CUDA_VISIBLE_DEVICES" >> "${pool.folder}/ran"\nexit ${exitStatus}\n`
  writeFileSync(`${programs}/python`, python)
  chmodSync(`${programs}/python`, 0o755)
  pool.env.PATH = `${programs}:${pool.env.PATH}`
  // A tmux server of its own.
  pool.env.TMUX_TMPDIR = pool.folder
}

for (const [mode, makePool] of [
  ['embedded', embeddedPool],
  ['daemon', daemonPool],
] as const) {
  describe(`docs/agents.md (${mode})`, () => {
    for (const script of SCRIPTS) {
      const isMissing = script.startsWith('tmux') && Bun.which('tmux') === null
      test.skipIf(isMissing)(
        `runs and leaves nothing behind: ${script.replace('#!/bin/bash\n', '').split('\n')[0]}`,
        async () => {
          using pool = await makePool(2)
          withPrograms(pool)
          const scripts = /python (\w+\.py)/g
          const expected = [...script.matchAll(scripts)].map(([, name]) => name)
          expect(expected.length).toBeGreaterThan(0)
          writeFileSync(`${pool.folder}/script`, script)
          const { status, stderr } = await pool.sh('bash script')
          expect(stderr).not.toContain('Error')
          expect(status).toBe(0)
          const ran = await until('the programs have run', async () => {
            const file = Bun.file(`${pool.folder}/ran`)
            const lines = (await file.exists()) ? (await file.text()).split('\n').slice(0, -1) : []
            return lines.length >= expected.length ? lines : null
          })
          expect(ran.map((line) => line.split(' ')[0])).toEqual(expected)
          for (const line of ran) expect(line).toMatch(script.includes('--gpus 2') ? / 0,1$/ : / [01]$/)
          await until('everything is released', () => {
            const { reservations, queue } = storedPool(pool)
            return reservations.length === 0 && queue.length === 0
          })
        },
      )
    }

    test('the script ends with the codes of the table', async () => {
      const [script = ''] = blocks('bash', page)
      const outcome = async (gpus: number, exitStatus: number, line = script) => {
        using pool = await makePool(gpus)
        withPrograms(pool, exitStatus)
        writeFileSync(`${pool.folder}/script`, line)
        if (gpus === 1) await pool.chg('reserve', '--duration', '1h')
        return await pool.sh('bash script')
      }
      expect(await outcome(2, 0)).toMatchObject({ status: 0, stdout: 'evaluated\n' })
      const late = await outcome(1, 0, script.replace('10m', '1s'))
      expect(late).toMatchObject({ status: 75, stderr: expect.stringContaining('try again later') })
      const wrong = await outcome(2, 0, script.replace('--wait 10m', '--gpus 9'))
      expect(wrong).toMatchObject({ status: 2, stderr: expect.stringContaining('not started') })
      expect(await outcome(2, 3)).toMatchObject({
        status: 3,
        stderr: expect.stringContaining('failed with 3'),
      })
      const slow = script.replace('2m', '1s').replace('python evaluate.py', 'sleep 1000')
      expect(await outcome(2, 0, slow)).toMatchObject({
        status: 130,
        stderr: expect.stringContaining('interrupted'),
      })
    })

    test('the commands in its sentences work', async () => {
      using pool = await makePool(4)
      await pool.chg('reserve', '--gpu-ids', '3')
      const lines = [...page.matchAll(/`canhazgpu ((?!run)[^`]+)`/g)].map(([, line = '']) => line)
      expect(lines).toContain('release --gpu-ids 3')
      for (const line of lines) expect((await pool.chg(...line.split(' '))).status).toBe(0)
      expect(storedPool(pool).reservations).toEqual([])
    })

    test('its JSON is what the commands print', async () => {
      using pool = await makePool(0)
      withPrograms(pool)
      const h100 = { name: 'NVIDIA H100 80GB HBM3', memory_total_mb: 81_559 }
      pool.setFakeDriver({ gpus: { 0: h100 } })
      await pool.chg('admin', '--gpus', '1', '--provider', 'fake')
      await startForever(pool, '--timeout', '3h', '--note', 'ablation 3', '--user', 'ann')
      const examples = page.split('```json\n').slice(0, -1)
      expect(examples).toHaveLength(blocks('json', page).length)
      for (const [nth, before] of examples.entries()) {
        const [, line = ''] = [...before.matchAll(/`canhazgpu ([^`]*--json[^`]*)`/g)].at(-1) ?? []
        const { stdout, stderr } = await pool.chg(...line.split(' '))
        const shown = JSON.parse(blocks('json', page)[nth] ?? '')
        expect({ line, ...comparable(JSON.parse(stdout || stderr)) }).toEqual({ line, ...comparable(shown) })
      }
    })
  })
}

/** Without what differs between machines and moments. */
function comparable(document: object): object {
  const replaced: Readonly<Record<string, string>> = {
    ...{ host: 'HOST', user: 'NAME', account: 'NAME', duration_seconds: 'SECONDS', details: 'DETAILS' },
    ...{ started_at: 'TIME', last_heartbeat: 'TIME', expiry_time: 'TIME' },
  }
  return JSON.parse(JSON.stringify(document, (key, value) => replaced[key] ?? value))
}

test('the table has every exit code of `run`', () => {
  const [, table = ''] = page.split('## Exit codes of run')
  for (const code of Object.values(EXIT)) if (code !== EXIT.failure) expect(table).toContain(String(code))
})
