import type { Program } from '../../src/cli/context.ts'
import { EXIT } from '../../src/cli/exit-codes.ts'
import { printCompletions } from '../../src/cli/options/complete.ts'
import { runProgram } from '../../src/cli/program.ts'
import { CanhazgpuError } from '../../src/domain/errors.ts'
import { ARGUMENT_BYTES, type Parser } from '../parser.ts'
import { checkScreen, verify } from '../soundness.ts'

/** A program whose pool fails to open, after the command line has been parsed. */
function program(): Program & { readonly out: string[]; readonly err: string[] } {
  const out: string[] = []
  const err: string[] = []
  return {
    out,
    err,
    version: '0.0.0',
    stdout: { write: (text) => out.push(text), color: false, terminal: false, columns: 80 },
    stderr: { write: (text) => err.push(text), color: false, terminal: false, columns: 80 },
    open: async () => {
      throw new CanhazgpuError('failure', 'no pool')
    },
  }
}

const STATUSES: readonly number[] = [EXIT.success, EXIT.failure, EXIT.usage, EXIT.runFailure]

/** A command line; NUL separates its words. */
export const typedWords: Parser = {
  name: 'typed-words',
  seeds: [
    'run --gpus 2 --timeout 2h --grace 10s -- python train.py --help',
    'reserve -g2 --duration=8h --note hello --user bob --wait 30m --json',
    'admin --gpus 8 --force --provider fake --group gpu --allocation mru-per-user',
    '--store sqlite:///tmp/p.db status --table --watch --mine --free',
    'report --days 7 --json',
    'extend 2h --gpu-ids 1,3',
    'release -G 0-3 --config /tmp/x.yaml',
    'web --port 8080 --host 127.0.0.1 --demo',
    'completion bash',
    'queue --memory-threshold 1024 --probe-timeout 10s',
    '--version',
    'run -h',
  ].map((line) => line.replaceAll(' ', '\0')),
  words: [
    ...[
      '\0',
      '--',
      '-',
      '=',
      '--gpus',
      '-g',
      '--gpu-ids',
      '--wait',
      '--json',
      '--note',
      '--user',
      '--config',
      '--help',
    ],
    ...[
      'status',
      'run',
      'reserve',
      'stauts',
      '--gpsu',
      '0',
      '1',
      '1h',
      '__proto__',
      '--__proto__',
      '--constructor',
      '-1',
    ],
  ],
  nesting: [
    ['--json\0', ''],
    ['-', ''],
  ],
  longest: ARGUMENT_BYTES,
  async check(input) {
    const words = input.split('\0')
    const tested = program()
    const status = await runProgram(words, tested)
    verify(STATUSES.includes(status), `status ${status}`)
    verify(status === EXIT.success || tested.err.length > 0, 'a failure without a message')
    checkScreen(tested.out.join(''))
    checkScreen(tested.err.join(''))
    const completing = program()
    await printCompletions(words, completing)
    checkScreen(completing.out.join(''))
    verify(completing.err.length === 0, 'the completion prints an error')
  },
}
