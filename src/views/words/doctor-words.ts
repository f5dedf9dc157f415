import {
  CHECKS,
  checkOf,
  type Finding,
  type Level,
  levelOf,
  type Model,
  type UnitState,
} from '../../domain/diagnosis/finding.ts'
import { printable, shortened } from '../../domain/text/text.ts'
import { vendorWords } from './gpu-words.ts'
import type { Display } from './printed.ts'

export interface FindingWords {
  readonly what: string
  /** What to type, or whom to ask. */
  readonly remedy?: string
}

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
  const counted = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`
  const unknown = count('unknown')
  const hidden = unknown === 0 ? '' : `, ${unknown} unknown`
  return `${counted(count('failure'), 'failure')}, ${counted(count('warning'), 'warning')}${hidden}`
}

/** The words of one finding. What others wrote is made safe to print where it is printed. */
export function findingWords(finding: Finding): FindingWords {
  switch (finding.code) {
    case 'unfinished':
      return {
        what: `This check did not end within ${finding.seconds} s: a driver, a disk or a mount hangs`,
        remedy: "see the kernel's messages: sudo dmesg | tail -50",
      }
    case 'unexamined':
      return { what: `This check could not be made: ${finding.reason}` }
    case 'configured':
    case 'configuration-skipped':
    case 'configuration-invalid':
      return configurationWords(finding)
    case 'gpus-shown':
    case 'gpu-faulty':
    case 'driver-failed':
    case 'driver-half-failed':
    case 'driver-missing':
    case 'versions-differ':
    case 'gpus-simulated':
      return driverWords(finding)
    case 'nodes-usable':
    case 'nodes-absent':
    case 'node-missing':
    case 'node-closed':
    case 'persistence-on':
    case 'persistence-off':
    case 'persistence-unknown':
    case 'persistence-unneeded':
      return deviceWords(finding)
    case 'pool-sound':
    case 'pool-problem':
    case 'pool-missing':
    case 'pool-unreadable':
    case 'pool-closed':
    case 'pool-not-compared':
      return poolWords(finding)
    case 'disk-roomy':
    case 'disk-low':
    case 'disk-full':
    case 'disk-read-only':
    case 'disk-remote':
    case 'disk-unknown':
      return diskWords(finding)
    case 'clock-plausible':
    case 'clock-behind':
    case 'clock-jumped':
    case 'clock-unknown':
      return clockWords(finding)
    case 'service-unused':
    case 'service-running':
    case 'service-silent':
    case 'service-other-version':
    case 'service-unversioned':
    case 'unit-missing':
    case 'unit-disabled':
    case 'unit-ignored':
    case 'unit-unknown':
      return serviceWords(finding)
    case 'program-same':
    case 'program-other':
    case 'program-unknown':
    case 'program-uninstalled':
      return programWords(finding)
  }
}

type Of<Code extends Finding['code']> = Extract<Finding, { readonly code: Code }>

const hinted = (what: string, hint: string | undefined): FindingWords =>
  hint === undefined ? { what } : { what, remedy: hint }

function configurationWords(
  finding: Of<'configured' | 'configuration-skipped' | 'configuration-invalid'>,
): FindingWords {
  switch (finding.code) {
    case 'configured': {
      const sources = [...finding.files, ...finding.variables]
      return { what: sources.length === 0 ? 'Defaults: there is no file' : `Used: ${sources.join(', ')}` }
    }
    case 'configuration-skipped':
      return { what: finding.reason }
    case 'configuration-invalid':
      return hinted(finding.reason, finding.hint)
  }
}

function driverWords(
  finding: Of<
    | 'gpus-shown'
    | 'gpu-faulty'
    | 'driver-failed'
    | 'driver-half-failed'
    | 'driver-missing'
    | 'versions-differ'
    | 'gpus-simulated'
  >,
): FindingWords {
  switch (finding.code) {
    case 'gpus-shown': {
      const version = finding.version === undefined ? '' : ` ${finding.version}`
      return {
        what: `${vendorWords(finding.provider)} driver${version} (${finding.provider}): ${finding.models.map(modelWords).join(', ')}`,
      }
    }
    case 'gpu-faulty':
      return {
        what: `GPU ${finding.gpu}: ${finding.reason}`,
        remedy: `take it out of service: sudo canhazgpu drain ${finding.gpu} --reason fault`,
      }
    case 'driver-failed':
      return hinted(finding.reason, finding.hint)
    case 'driver-half-failed':
      return hinted(
        `Another interface of the driver answers, but not this one: ${finding.reason}`,
        finding.hint,
      )
    case 'driver-missing':
      return finding.module === undefined
        ? {
            what: 'No GPU driver: neither libnvidia-ml.so.1 nor nvidia-smi nor amd-smi was found',
            remedy:
              'install the driver, or try canhazgpu without one: canhazgpu admin --gpus 8 --provider fake',
          }
        : {
            what: `The kernel module ${finding.module} is loaded, but its library and programs were not found`,
            remedy: 'install the programs of the same driver version (nvidia-utils or amd-smi)',
          }
    case 'versions-differ':
      return {
        what: `The loaded kernel module is ${finding.module}, and the library is ${finding.library}`,
        remedy: 'sudo reboot, or unload and load the kernel modules',
      }
    case 'gpus-simulated':
      return { what: 'The pool simulates its GPUs, so no driver is needed' }
  }
}

const modelWords = ({ count, name, memoryMb }: Model): string =>
  `${count} × ${shortened(name, 60)}${memoryMb === undefined ? '' : ` (${memoryMb} MB)`}`

function deviceWords(
  finding: Of<
    | 'nodes-usable'
    | 'nodes-absent'
    | 'node-missing'
    | 'node-closed'
    | 'persistence-on'
    | 'persistence-off'
    | 'persistence-unknown'
    | 'persistence-unneeded'
  >,
): FindingWords {
  switch (finding.code) {
    case 'nodes-usable':
      return { what: `You may open ${finding.nodes.join(', ')}` }
    case 'nodes-absent':
      return {
        what: 'The kernel module of no GPU driver is loaded',
        remedy: 'load it: sudo modprobe nvidia (or amdgpu)',
      }
    case 'node-missing':
      return {
        what: `${finding.path} is missing${finding.areOthers ? normalIf(finding.path) : ''}`,
        remedy: finding.path.startsWith('/dev/nvidia')
          ? `create it: sudo nvidia-modprobe -u${nodeNumber(finding.path)}`
          : 'load the driver: sudo modprobe amdgpu',
      }
    case 'node-closed':
      return {
        what: `You may not open ${finding.path}, which belongs to the group ${finding.group}`,
        remedy: `add yourself, and log in again: sudo usermod -aG ${finding.group} "$USER"`,
      }
    case 'persistence-on':
      return { what: 'Persistence mode is on' }
    case 'persistence-off':
      return {
        what: `Persistence mode is off for GPU ${finding.gpus.join(', ')}: the first command after a pause takes seconds`,
        remedy: 'sudo systemctl enable --now nvidia-persistenced, or sudo nvidia-smi -pm 1',
      }
    case 'persistence-unknown':
      return { what: `Persistence mode is not known: ${finding.reason}` }
    case 'persistence-unneeded':
      return { what: 'There is no NVIDIA driver that has a persistence mode' }
  }
}

const normalIf = (path: string): string =>
  nodeNumber(path) === ''
    ? ', as is normal until a program uses CUDA'
    : ', as is normal in a container with some of the GPUs'

function nodeNumber(path: string): string {
  const number = /\d+$/.exec(path)?.[0]
  return number === undefined ? '' : ` -c ${number}`
}

function poolWords(
  finding: Of<
    'pool-sound' | 'pool-problem' | 'pool-missing' | 'pool-unreadable' | 'pool-closed' | 'pool-not-compared'
  >,
): FindingWords {
  switch (finding.code) {
    case 'pool-sound': {
      const { path, gpus, reservations, waiting, records } = finding
      return {
        what: `${path} is sound: GPUs ${gpus}, reservations ${reservations}, waiting ${waiting}, usage records ${records}`,
      }
    }
    case 'pool-problem':
      return { what: finding.what, remedy: finding.remedy }
    case 'pool-missing':
      return { what: finding.reason, remedy: 'see what the machine has: sudo canhazgpu admin' }
    case 'pool-unreadable':
      return hinted(finding.reason, finding.hint)
    case 'pool-closed':
      return { what: `Only root can check the pool: ${finding.reason}`, remedy: 'sudo canhazgpu doctor pool' }
    case 'pool-not-compared':
      return { what: `Pool and driver were not compared: ${finding.reason}` }
  }
}

function diskWords(
  finding: Of<'disk-roomy' | 'disk-low' | 'disk-full' | 'disk-read-only' | 'disk-remote' | 'disk-unknown'>,
): FindingWords {
  const { path } = finding
  switch (finding.code) {
    case 'disk-roomy':
      return { what: `${finding.freeMb} MB are free at ${path}` }
    case 'disk-low':
    case 'disk-full':
      return {
        what: `Only ${finding.freeMb} MB and ${finding.freeFiles} files are free at ${path}`,
        remedy: `find what uses them: sudo du -xh --max-depth=2 ${path} | sort -h | tail`,
      }
    case 'disk-read-only':
      return { what: `${path} is mounted read-only`, remedy: `see why: sudo dmesg | tail -50` }
    case 'disk-remote':
      return {
        what: `${path} is on ${finding.filesystem}, a network file system, where the pool is not safe`,
        remedy: 'name a local disk: --store sqlite:///path/to/pool.db',
      }
    case 'disk-unknown':
      return { what: `The disk of ${path} is not known: ${finding.reason}` }
  }
}

function clockWords(
  finding: Of<'clock-plausible' | 'clock-behind' | 'clock-jumped' | 'clock-unknown'>,
): FindingWords {
  switch (finding.code) {
    case 'clock-plausible':
      return { what: `It is ${finding.now}` }
    case 'clock-behind':
      return {
        what: `It is ${finding.now} by the clock, but this program was built at ${finding.built}`,
        remedy: 'set the clock: sudo timedatectl set-ntp true',
      }
    case 'clock-jumped': {
      const { seconds } = finding
      const where = seconds < 0 ? 'back' : 'forward'
      return {
        what: `The clock was set ${where} by ${Math.abs(seconds)} s since the pool was last written; reservations keep their length`,
        remedy: 'see whether it is synchronized: timedatectl',
      }
    }
    case 'clock-unknown':
      return { what: 'Whether the clock was set since the pool was last written is not known' }
  }
}

const STATES: Readonly<Record<UnitState, string>> = {
  active: 'the unit is active',
  inactive: 'the unit is not started',
  failed: 'the unit has failed',
  missing: 'there is no unit',
  unknown: 'the state of the unit is not known',
}

function serviceWords(
  finding: Of<
    | 'service-unused'
    | 'service-running'
    | 'service-silent'
    | 'service-other-version'
    | 'service-unversioned'
    | 'unit-missing'
    | 'unit-disabled'
    | 'unit-ignored'
    | 'unit-unknown'
  >,
): FindingWords {
  switch (finding.code) {
    case 'service-unused':
      return { what: 'No daemon is used: commands open the pool themselves' }
    case 'service-running':
      return { what: `The daemon at ${finding.socket} answers, and has this version` }
    case 'service-silent':
      return {
        what: `The daemon does not answer (${STATES[finding.state]}): ${finding.reason}`,
        remedy:
          finding.hint ?? 'sudo systemctl start canhazgpu; its messages: sudo journalctl -u canhazgpu -n 50',
      }
    case 'service-other-version':
      return {
        what: `The daemon is ${finding.version}, and this command is ${finding.own}`,
        remedy: 'sudo systemctl restart canhazgpu',
      }
    case 'service-unversioned':
      return {
        what: 'The daemon answers, but does not name its version: it is older than this command',
        remedy: 'sudo systemctl restart canhazgpu',
      }
    case 'unit-missing':
      return {
        what: 'The daemon runs without a unit, so nothing starts it at boot',
        remedy: 'sudo canhazgpu service install',
      }
    case 'unit-disabled':
      return {
        what: 'The unit of the daemon does not start at boot',
        remedy: 'sudo systemctl enable canhazgpu',
      }
    case 'unit-ignored':
      return {
        what: `${finding.unit} is installed, but the configuration does not name its daemon`,
        remedy: 'sudo canhazgpu service install, or sudo canhazgpu service uninstall',
      }
    case 'unit-unknown':
      return { what: `The unit of the daemon is not known: ${finding.reason}` }
  }
}

function programWords(
  finding: Of<'program-same' | 'program-other' | 'program-unknown' | 'program-uninstalled'>,
): FindingWords {
  const path = printable(finding.path)
  switch (finding.code) {
    case 'program-same':
      return { what: `${path} is ${finding.version}` }
    case 'program-other':
      return {
        what: `${path} is ${finding.version}${finding.isFirst ? ', and a shell finds it first' : ''}; this is ${finding.own}`,
        remedy: `see all copies: type -a canhazgpu; remove the old one: sudo rm ${path}`,
      }
    case 'program-uninstalled':
      return {
        what: `This program (${path}) is neither on PATH nor in a usual place`,
        remedy: `sudo install -m 755 ${path} /usr/local/bin/canhazgpu`,
      }
    case 'program-unknown':
      return {
        what: `The version of ${path} is not known: ${finding.reason}`,
        remedy: `see what it is: ls -l ${path}`,
      }
  }
}
