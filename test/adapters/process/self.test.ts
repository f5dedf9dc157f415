import { expect, test } from 'bun:test'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { selfCommand } from '../../../src/adapters/process/self.ts'

test('in development, this program is Bun with the main module', async () => {
  const [bun, main, ...args] = selfCommand(['__probe', 'nvml'])
  expect(bun).toBe(process.execPath)
  expect(Bun.resolveSync(main ?? '', '/')).toBe(join(import.meta.dir, '../../../src/entries/main.ts'))
  expect(args).toEqual(['__probe', 'nvml'])
})

test('compiled, this program is the executable', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'canhazgpu-self-'))
  const self = join(import.meta.dir, '../../../src/adapters/process/self.ts')
  const source = join(folder, 'main.ts')
  const executable = join(folder, 'program')
  await writeFile(
    source,
    `import { selfCommand } from ${JSON.stringify(self)}\nconsole.log(JSON.stringify(selfCommand(['a', 'b'])))\n`,
  )
  const build = Bun.spawnSync([process.execPath, 'build', '--compile', source, '--outfile', executable])
  expect(build.exitCode).toBe(0)
  const output = Bun.spawnSync([executable]).stdout.toString()
  expect(JSON.parse(output)).toEqual([executable, 'a', 'b'])
  await rm(folder, { recursive: true })
})
