import { beforeAll, expect } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { needing } from '../../test/support/needs.ts'
import { must } from '../programs.ts'
import { type Made, packages } from './made.ts'

const BASH_COMPLETION = '/usr/share/bash-completion/bash_completion'

/** Each shell finds the file of the package by itself, and prints the candidates for `canhazgpu que`. */
const SHELLS = {
  // The loader answers 124 once it has found a completion: readline then asks again.
  bash: [
    'bash',
    '--norc',
    '-c',
    `source ${BASH_COMPLETION}; _completion_loader canhazgpu; [ $? = 124 ] || exit 1
    complete -p canhazgpu chg >/dev/null || exit 1
    COMP_WORDS=(canhazgpu que) COMP_CWORD=1; _canhazgpu canhazgpu que canhazgpu; echo "\${COMPREPLY[@]}"`,
  ],
  fish: ['fish', '-c', "complete -C 'canhazgpu que' | string replace -r '\\t.*' ''"],
  // Without a terminal zsh has no candidates; test/cli/commands/completion.test.ts has those.
  zsh: [
    'zsh',
    '-fc',
    `fpath=($PREFIX/share/zsh/vendor-completions $fpath); autoload -U compinit; compinit -u -D
    [[ $_comps[canhazgpu] = _canhazgpu && $_comps[chg] = _canhazgpu ]] && autoload +X _canhazgpu && echo queue`,
  ],
} as const

needing('go', 'dpkg-deb').describe('completions of the package', () => {
  let made: Made
  beforeAll(() => {
    made = packages()
  }, 180_000)

  for (const [shell, command] of Object.entries(SHELLS)) {
    needing(shell, ...(shell === 'bash' ? [BASH_COMPLETION] : [])).test(`${shell} finds them`, async () => {
      const folder = mkdtempSync(`${tmpdir()}/canhazgpu-completions-`)
      try {
        await must('dpkg-deb', '-x', made.path('_amd64.deb'), folder)
        const PREFIX = `${folder}/usr`
        const env = {
          ...{ PREFIX, HOME: folder, XDG_DATA_DIRS: `${PREFIX}/share`, CANHAZGPU_STORE: `${folder}/none` },
          PATH: `${PREFIX}/bin:/usr/bin:/bin`,
        }
        const { stdout, stderr } = Bun.spawnSync([...command], { env, stdin: 'ignore' })
        expect([stdout.toString(), stderr.toString()]).toEqual(['queue\n', ''])
      } finally {
        rmSync(folder, { recursive: true })
      }
    })
  }
})
