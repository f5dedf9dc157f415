import type { Mutant } from './list.ts'

const ENDING = 'src/domain/operation/ending.ts'
const SUPERVISE = 'src/app/supervise.ts'

/** Clocks, limits and ends. */
export const TIME_MUTANTS: readonly Mutant[] = [
  {
    name: 'expiry-off-by-one',
    defect: 'a manual reservation ends a millisecond early',
    file: ENDING,
    edits: [['term.expiresAt <= now', 'term.expiresAt <= now + 1']],
  },
  {
    name: 'expiry-ignored',
    defect: 'a manual reservation never ends by itself',
    file: ENDING,
    edits: [['term.expiresAt <= now', 'term.expiresAt <= 0']],
  },
  {
    name: 'clock-not-healed',
    defect: 'a clock jump ends reservations early or keeps ended ones',
    file: 'src/domain/operation/apply.ts',
    edits: [['settle(followClock(stored, now), now,', 'settle(stored, now,']],
  },
  {
    name: 'clock-healed-forwards-only',
    defect: 'a clock that is set back is not noticed',
    file: 'src/domain/pool/clock.ts',
    edits: [['ms)\n  return Math.abs(jump) < TOLERANCE_MS', 'ms)\n  return jump < TOLERANCE_MS']],
  },
  {
    name: 'reset-in-another-time',
    defect: 'a pool that is reset after its clock was set ends everything at a wrong time',
    file: 'src/domain/operation/set-up.ts',
    edits: [['stored === null ? null : followClock(stored, now)', 'stored']],
  },
  {
    name: 'read-in-the-time-of-another-clock',
    defect: 'what is read after the clock was set has the times of the old clock',
    file: 'src/app/look.ts',
    edits: [['pool: followClock(pool, moment), moment }', 'pool, moment }']],
  },
  {
    name: 'reboot-ignored',
    defect: 'what ran before a reboot counts as running',
    file: 'src/domain/pool/clock.ts',
    edits: [['&& now.steady.ms < before.steady.ms', '&& now.steady.ms < 0']],
  },
  {
    name: 'other-boot-id-is-a-reboot',
    defect: 'a process that reads another boot id ends what runs on the same machine',
    file: 'src/domain/pool/clock.ts',
    edits: [[' && now.steady.ms < before.steady.ms', '']],
  },
  {
    name: 'unread-boot-id-is-another',
    defect: 'a boot id that cannot be read is taken for another one',
    file: 'src/domain/pool/clock.ts',
    edits: [["part === UNREAD || part === ''", "part === ''"]],
  },
  {
    name: 'unseen-is-gone',
    defect: 'what runs in another container counts as gone',
    file: ENDING,
    edits: [["now - heartbeatAt > HEARTBEAT_STALE_MS ? 'lost' : 'present'", "'lost'"]],
  },
  {
    name: 'heartbeats-stop',
    defect: 'a supervisor sends no heartbeat after the first',
    file: SUPERVISE,
    edits: [['if (isDue) beatAt = clock() + HEARTBEAT_MS', 'if (isDue) beatAt = Number.POSITIVE_INFINITY']],
  },
  {
    name: 'time-limit-ignored',
    defect: 'nobody interrupts a command whose time is over',
    file: SUPERVISE,
    edits: [["event === 'exited' || clock() >= limit.interruptAt", "event === 'exited'"]],
  },
  {
    name: 'never-killed',
    defect: 'a command that ignores its interruption is never killed',
    file: SUPERVISE,
    edits: [['if (now >= killAt) job.kill()', '']],
  },
  {
    name: 'supervisor-gives-up',
    defect: 'a supervisor leaves at the first trouble with the store',
    file: SUPERVISE,
    edits: [["return { kind: isError(error, 'store-too-new') ? 'too-new' : 'unknown' }", 'return LOST']],
  },
  {
    name: 'killed-without-grace',
    defect: 'a command that is interrupted is promised to be gone at once',
    file: 'src/domain/operation/acquisition.ts',
    edits: [['killAt: interruptAt + timeout.grace', 'killAt: interruptAt']],
  },
]
