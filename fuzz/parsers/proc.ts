import { mountType } from '../../src/adapters/files/filesystem.ts'
import { detailsIn } from '../../src/adapters/gpu/process-details.ts'
import { innermostPid, parseStat } from '../../src/adapters/kernel/processes.ts'
import { variable, withVariables } from '../../src/adapters/process/environment.ts'
import { parseOpenFiles, parseSignalMasks } from '../../src/adapters/process/parent.ts'
import type { Parser } from '../parser.ts'
import { isWhole, verify } from '../soundness.ts'

const STAT =
  '4242 (python3 train) R 368 368 9041 0 -1 4194304 100 0 0 0 0 0 0 0 20 0 1 0 1203728 3133440 382 18446744073709551615 94591445069824 0 0 0 0 17 0 0\n'
const STATUS = [
  ...['Name:\tpython3', 'Umask:\t0022', 'State:\tS (sleeping)', 'Pid:\t4242', 'Uid:\t1000\t1001\t1000\t1000'],
  ...[
    'Gid:\t1000\t1000\t1000\t1000',
    'NSpid:\t4242\t17',
    'Threads:\t1',
    'SigQ:\t0/96365',
    'SigPnd:\t0000000000000000',
  ],
  ...[
    'ShdPnd:\t0000000000000000',
    'SigBlk:\t0000000000010000',
    'SigIgn:\t0000000001001000',
    'SigCgt:\t0000000180000002',
  ],
  'CapInh:\t0000000000000000\n',
].join('\n')
const LIMITS =
  'Limit                     Soft Limit           Hard Limit           Units     \nMax open files            1024                 524288               files     \n'
const MOUNTS =
  '22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n30 22 0:26 / /home/al\\040ice rw - fuse.sshfs host:/ rw\n31 22 0:27 / /mnt/donn\\303\\251es rw - nfs4 h:/ rw\n'
const CMDLINE = '/usr/bin/python3\0train.py\0--model\0llama\0'
const ENVIRON = 'PATH=/bin\0HOME=/root\0CUDA_VISIBLE_DEVICES=7\0novalue\0=x\0'

/** Files of the kernel about processes. Any user can choose the names and arguments in them. */
export const proc: Parser = {
  name: 'proc',
  seeds: [STAT, STATUS, LIMITS, MOUNTS, CMDLINE, ENVIRON],
  words: [
    ...[
      ') R 1 1 1 0 -1',
      '(',
      ')',
      '\n',
      '\t',
      ' ',
      '\0',
      'Uid:\t0\t0\t0\t0\n',
      'Name:\t',
      '\\n',
      '\\040',
      '\\777',
      ' - ',
    ],
    ...[
      'NSpid:\t1\n',
      'SigBlk:\tzz',
      '\nSigIgn:\t',
      'Max open files',
      'unlimited',
      '[kworker/0:1]',
      '/',
      '=',
      '--model=',
    ],
  ],
  check(input) {
    checkStat(input)
    checkStatus(input)
    checkLimits(input)
    mountType('/home/al ice/pool', input)
    checkEnvironment(input)
  },
}

function checkStat(line: string): void {
  const stat = parseStat(line)
  if (stat === null) return
  for (const number of [stat.parent, stat.processGroup, stat.threads, stat.startTime]) {
    verify(Number.isFinite(number), `the line of a process has the number ${number}`)
  }
  // The process chooses its name, so the name ends at the last closing parenthesis.
  const end = line.lastIndexOf(')')
  const renamed = parseStat(`1 (${line.slice(0, end).replaceAll('(', '')}) R 0 (x${line.slice(end)}`)
  verify(renamed?.startTime === stat.startTime, 'the name of a process changes its start time')
}

function checkStatus(text: string): void {
  for (const commandLine of [undefined, text]) {
    const { uid, comm, argv } = detailsIn(text, commandLine?.split('\0'))
    verify(uid === undefined || isWhole(uid) || uid > Number.MAX_SAFE_INTEGER, `uid ${uid}`)
    verify(comm === undefined || !comm.includes('\n'), 'a line break in a name')
    verify(argv === undefined || argv.length > 0, 'an empty argument list')
  }
  const pid = innermostPid(text)
  verify(pid === null || pid >= 0, `pid ${pid}`)
  parseSignalMasks(text)
}

function checkLimits(text: string): void {
  const files = parseOpenFiles(text)
  verify(files === null || (files.soft >= 0n && files.hard >= 0n), 'a limit is negative')
}

function checkEnvironment(text: string): void {
  const entries = text.split('\0')
  const changed = withVariables(entries, { CUDA_VISIBLE_DEVICES: '0,1', GONE: null })
  verify(variable(changed, 'CUDA_VISIBLE_DEVICES') === '0,1', 'the variable has another value')
  verify(variable(changed, 'GONE') === undefined, 'a variable was not removed')
  const others = (list: readonly string[]) =>
    list.filter((entry) => !/^(CUDA_VISIBLE_DEVICES|GONE)=/.test(entry))
  verify(others(changed).join('\0') === others(entries).join('\0'), 'other variables have changed')
}
