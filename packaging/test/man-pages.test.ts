import { expect, test } from 'bun:test'
import { COMMANDS } from '../../src/cli/registry.ts'
import { needing } from '../../test/support/needs.ts'
import { manPages } from '../man-pages.ts'

const pages = await manPages(0)

test('there is a page for the program and for each command, with every option', async () => {
  expect(pages.map(({ file }) => file)).toEqual([
    'canhazgpu.1',
    ...COMMANDS.map(({ name }) => `canhazgpu-${name}.1`),
  ])
  for (const { name, load } of COMMANDS) {
    const text = pages.find(({ file }) => file === `canhazgpu-${name}.1`)?.text.replaceAll('\\-', '-') ?? ''
    const { options } = await load()
    expect(options.filter(({ flags }) => !text.includes(`\\fB${flags}\\fR`))).toEqual([])
  }
})

needing('groff').test('groff formats the pages without a warning, and shows the text as it is', () => {
  const format = (text: string) =>
    Bun.spawnSync(['groff', '-man', '-ww', '-Tascii', '-P-c', '-P-b', '-P-u'], { stdin: Buffer.from(text) })
  for (const { file, text } of pages) expect([file, format(text).stderr.toString()]).toEqual([file, ''])
  const shown = (name: string) =>
    format(pages.find(({ file }) => file === `${name}.1`)?.text ?? '').stdout.toString()
  expect(shown('canhazgpu-run')).toContain('       canhazgpu run [OPTIONS] -- COMMAND [ARGS]...\n')
  expect(shown('canhazgpu-completion')).toContain('source <(canhazgpu completion bash)')
  expect(shown('canhazgpu')).toMatch(/EXIT STATUS\n +0 +done\n[\s\S]* 130 +interrupted while waiting/)
  expect(shown('canhazgpu')).toContain('~/.canhazgpu.yaml')
})
