import { hinted, shellWord, type WordsByCode } from './finding-words.ts'

export const MACHINE_WORDS = {
  'disk-roomy': (finding) => ({ what: `${finding.freeMb} MB are free at ${finding.path}` }),
  'disk-low': (finding) => ({
    what: `Only ${finding.freeMb} MB and ${finding.freeFiles} files are free at ${finding.path}`,
    remedy: `find what uses them: sudo du -xh --max-depth=2 ${shellWord(finding.path)} | sort -h | tail`,
  }),
  'disk-full': (finding) => ({
    what: `Only ${finding.freeMb} MB and ${finding.freeFiles} files are free at ${finding.path}`,
    remedy: `find what uses them: sudo du -xh --max-depth=2 ${shellWord(finding.path)} | sort -h | tail`,
  }),
  'disk-read-only': (finding) => ({
    what: `${finding.path} is mounted read-only`,
    remedy: `see why: sudo dmesg | tail -50`,
  }),
  'disk-remote': (finding) => ({
    what: `${finding.path} is on ${finding.filesystem}, a network file system, where the pool is not safe`,
    remedy: 'name a local disk: --store sqlite:///path/to/pool.db',
  }),
  'disk-unknown': (finding) => ({ what: `The disk of ${finding.path} is not known: ${finding.reason}` }),
  'clock-plausible': (finding) => ({ what: `It is ${finding.now}` }),
  'clock-behind': (finding) => ({
    what: `It is ${finding.now} by the clock, but this program was built at ${finding.built}`,
    remedy: 'set the clock: sudo timedatectl set-ntp true',
  }),
  'clock-jumped': (finding) => {
    const { seconds } = finding
    const where = seconds < 0 ? 'back' : 'forward'
    return {
      what: `The clock was set ${where} by ${Math.abs(seconds)} s since the pool was last written; reservations keep their length`,
      remedy: 'see whether it is synchronized: timedatectl',
    }
  },
  'clock-unknown': () => ({ what: 'Whether the clock was set since the pool was last written is not known' }),
  configured: (finding) => {
    const sources = [...finding.files, ...finding.variables]
    return { what: sources.length === 0 ? 'Defaults: there is no file' : `Used: ${sources.join(', ')}` }
  },
  'configuration-skipped': (finding) => ({ what: finding.reason }),
  'configuration-invalid': (finding) => hinted(finding.reason, finding.hint),
  'program-same': (finding) => ({ what: `${finding.path} is ${finding.version}` }),
  'program-other': (finding) => ({
    what: `${finding.path} is ${finding.version}${finding.isFirst ? ', and a shell finds it first' : ''}; this is ${finding.own}`,
    remedy: `see all copies: type -a canhazgpu; remove the old one: sudo rm ${shellWord(finding.path)}`,
  }),
  'program-uninstalled': (finding) => ({
    what: `This program (${finding.path}) is neither on PATH nor in a usual place`,
    remedy: `sudo install -m 755 ${shellWord(finding.path)} /usr/local/bin/canhazgpu`,
  }),
  'program-unknown': (finding) => ({
    what: `The version of ${finding.path} is not known: ${finding.reason}`,
    remedy: `see what it is: ls -l ${shellWord(finding.path)}`,
  }),
} satisfies Partial<WordsByCode>
