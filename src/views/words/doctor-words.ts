import { CHECKS, checkOf, type Finding, type Level, levelOf } from '../../domain/diagnosis/finding.ts'
import { shortened } from '../../domain/text/text.ts'
import { counted } from './counted.ts'
import { DRIVER_WORDS } from './findings/driver.ts'
import type { FindingWords, WordsByCode } from './findings/finding-words.ts'
import { MACHINE_WORDS } from './findings/machine.ts'
import { POOL_WORDS } from './findings/pool.ts'
import type { Display } from './printed.ts'

/** One line for each finding, its remedy below it, and a line with the result. */
export function doctorText(findings: readonly Finding[], { color }: Pick<Display, 'color'>): string {
  const width = Math.max(...CHECKS.map((check) => check.length))
  const lines = findings.map((finding) => {
    const { what, remedy } = findingWords(finding)
    const level = levelOf(finding)
    const shown = level.padEnd(LEVEL_WIDTH)
    const head = `${color ? `${COLORS[level]}${shown}\u001b[0m` : shown}  ${checkOf(finding).padEnd(width)}`
    const below = remedy === undefined ? '' : `${' '.repeat(LEVEL_WIDTH + width + 4)}${lineOf(remedy)}\n`
    return `${head}  ${lineOf(what)}\n${below}`
  })
  return `${lines.join('')}${resultLine(findings)}\n`
}

const LEVEL_WIDTH = 7
const LONGEST = 1_000
const lineOf = (text: string): string => shortened(text, LONGEST)

const COLORS: Readonly<Record<Level, string>> = {
  ok: '\u001b[32m',
  warning: '\u001b[33m',
  failure: '\u001b[31m',
  unknown: '\u001b[36m',
}

function resultLine(findings: readonly Finding[]): string {
  const count = (level: Level) => findings.filter((finding) => levelOf(finding) === level).length
  const unknown = count('unknown')
  const hidden = unknown === 0 ? '' : `, ${unknown} unknown`
  return `${counted(count('failure'), 'failure')}, ${counted(count('warning'), 'warning')}${hidden}`
}

const WORDS: WordsByCode = {
  unfinished: ({ seconds }) => ({
    what: `This check did not end within ${seconds} s: a driver, a disk or a mount hangs`,
    remedy: "see the kernel's messages: sudo dmesg | tail -50",
  }),
  unexamined: ({ reason }) => ({ what: `This check could not be made: ${reason}` }),
  ...MACHINE_WORDS,
  ...DRIVER_WORDS,
  ...POOL_WORDS,
}

/** The words of one finding. What others wrote is made safe to print where it is printed. */
export function findingWords(finding: Finding): FindingWords {
  const words: (finding: never) => FindingWords = WORDS[finding.code]
  return words(finding as never)
}
