import { readFileSync } from 'node:fs'
import { root } from '../support/sources.ts'

/** A code block of a page with something to type. Of a workflow in YAML, these are its lines of shell. */
export interface Example {
  /** Its first line; a later block that begins with the same line has ` (2)` after it, and so on. */
  readonly name: string
  /** The shell that understands it. */
  readonly shell: string
  /** What is typed: each line of a `console` block, or a block of a shell as a whole. */
  readonly steps: readonly Step[]
}

export interface Step {
  readonly typed: string
  /** The lines that the page shows below it. */
  readonly output: readonly string[]
}

export function examplesOf(page: string): readonly Example[] {
  const text = readFileSync(root + page, 'utf8')
  const blocks = [...text.matchAll(/^```(console|sh|bash|zsh|fish|yaml)\n([\s\S]*?)^```$/gm)]
    .map(([, language = '', code = '']) => ({ language, steps: stepsOf(language, code) }))
    .filter(({ steps }) => steps.length > 0)
  const times = new Map<string, number>()
  return blocks.map(({ language, steps }) => {
    const first = firstLine(steps[0]?.typed ?? '')
    const nth = (times.get(first) ?? 0) + 1
    times.set(first, nth)
    const shell = language === 'zsh' || language === 'fish' ? language : 'bash'
    return { name: nth === 1 ? first : `${first} (${nth})`, shell, steps }
  })
}

function stepsOf(language: string, code: string): readonly Step[] {
  if (language === 'console') return typedLines(code)
  if (language !== 'yaml') return [{ typed: code, output: [] }]
  const lines = [...code.matchAll(/^ *(?:- )?(?:run: )?(canhazgpu .*)$/gm)]
  return lines.map(([, typed = '']) => ({ typed, output: [] }))
}

const typedLines = (block: string): readonly Step[] =>
  block
    .split(/^\$ /m)
    .slice(1)
    .map((each) => {
      const [typed = '', ...output] = each.trimEnd().split('\n')
      return { typed, output: output.filter((line) => line !== '') }
    })

/** The first line of a script, without its comment. */
const firstLine = (script: string): string =>
  (script.split('\n').find((line) => line !== '' && !line.startsWith('#!')) ?? '').replace(/ +# .*$/, '')
