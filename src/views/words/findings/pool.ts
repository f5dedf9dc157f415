import type { UnitState } from '../../../domain/diagnosis/finding.ts'
import { formatDuration } from '../../../domain/text/duration.ts'
import { hinted, type WordsByCode } from './finding-words.ts'

/** The pool and its daemon. */
export const POOL_WORDS = {
  'pool-sound': (finding) => {
    const { path, gpus, reservations, waiting, records } = finding
    return {
      what: `${path} is sound: GPUs ${gpus}, reservations ${reservations}, waiting ${waiting}, usage records ${records}`,
    }
  },
  'pool-problem': (finding) => ({ what: finding.what, remedy: finding.remedy }),
  'pool-missing': (finding) => ({
    what: finding.reason,
    remedy: 'see what the machine has: sudo canhazgpu admin',
  }),
  'pool-unreadable': (finding) => hinted(finding.reason, finding.hint),
  'pool-closed': (finding) => ({
    what: `Only root can check the pool: ${finding.reason}`,
    remedy: 'sudo canhazgpu doctor pool',
  }),
  'pool-not-compared': (finding) => ({ what: `Pool and driver were not compared: ${finding.reason}` }),
  'service-unused': () => ({ what: 'No daemon is used: commands open the pool themselves' }),
  'service-running': (finding) => ({ what: `The daemon at ${finding.socket} answers, and has this version` }),
  'service-silent': (finding) => ({
    what: `The daemon does not answer (${STATES[finding.state]}): ${finding.reason}`,
    remedy:
      finding.hint ?? 'sudo systemctl start canhazgpu; its messages: sudo journalctl -u canhazgpu -n 50',
  }),
  'service-other-version': (finding) => ({
    what: `The daemon is ${finding.version}, and this command is ${finding.own}`,
    remedy: 'sudo systemctl restart canhazgpu',
  }),
  'service-unversioned': () => ({
    what: 'The daemon answers, but does not name its version: it is older than this command',
    remedy: 'sudo systemctl restart canhazgpu',
  }),
  'unit-missing': () => ({
    what: 'The daemon runs without a unit, so nothing starts it at boot',
    remedy: 'sudo canhazgpu service install',
  }),
  'unit-disabled': () => ({
    what: 'The unit of the daemon does not start at boot',
    remedy: 'sudo systemctl enable canhazgpu',
  }),
  'unit-ignored': (finding) => ({
    what: `${finding.unit} is installed, but the configuration does not name its daemon`,
    remedy: 'sudo canhazgpu service install, or sudo canhazgpu service uninstall',
  }),
  'unit-unknown': (finding) => ({ what: `The unit of the daemon is not known: ${finding.reason}` }),
  'board-unused': () => ({ what: 'No notice board of several hosts is configured' }),
  'board-reached': (finding) => ({ what: `The notice board at ${finding.server} answers` }),
  'board-current': (finding) => ({
    what: `The notice board at ${finding.server} has this host as it was ${finding.seconds} s ago`,
  }),
  'board-closed': (finding) => ({ what: finding.reason, remedy: 'sudo canhazgpu doctor board' }),
  'board-misnamed': (finding) => hinted(finding.reason, finding.hint),
  'board-out': (finding) => hinted(finding.reason, finding.hint),
  'board-unwritable': (finding) => ({
    what: `This host cannot publish: ${finding.reason}`,
    remedy: 'let its account write: see ACL SETUSER in docs/fleet.md',
  }),
  'board-behind': (finding) => ({
    what: `Publishing has failed for ${formatDuration(finding.seconds * 1000)}: this host has changed since${publishedNow(finding)}`,
    remedy: publishingRemedy(finding),
  }),
  'board-lacks-host': (finding) => ({
    what: `The notice board has nothing of ${finding.host}, which is this host${publishedNow(finding)}`,
    remedy: publishingRemedy(finding),
  }),
  'board-clock': (finding) => ({
    what: `The clock of the notice board is ${Math.abs(finding.seconds)} s ${finding.seconds < 0 ? 'behind' : 'ahead of'} that of this host; ages are right, times of day are not`,
    remedy: 'see whether the clocks are synchronized: timedatectl, here and on the server',
  }),
} satisfies Partial<WordsByCode>

interface Publishing {
  readonly isServed: boolean
}

/** Without a daemon, the check itself publishes, to see whether it can. */
const publishedNow = ({ isServed }: Publishing): string =>
  isServed ? '' : '; this check has published it now'

const publishingRemedy = ({ isServed }: Publishing): string =>
  isServed
    ? "the daemon's messages: sudo journalctl -u canhazgpu -n 50"
    : 'the accounts that use this host must be able to read the setting fleet: canhazgpu doctor board'

const STATES: Readonly<Record<UnitState, string>> = {
  active: 'the unit is active',
  inactive: 'the unit is not started',
  failed: 'the unit has failed',
  missing: 'there is no unit',
  unknown: 'the state of the unit is not known',
}
