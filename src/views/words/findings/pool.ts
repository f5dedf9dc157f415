import type { UnitState } from '../../../domain/diagnosis/finding.ts'
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
} satisfies Partial<WordsByCode>

const STATES: Readonly<Record<UnitState, string>> = {
  active: 'the unit is active',
  inactive: 'the unit is not started',
  failed: 'the unit has failed',
  missing: 'there is no unit',
  unknown: 'the state of the unit is not known',
}
