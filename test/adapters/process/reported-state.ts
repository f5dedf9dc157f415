import type { Account, Liveness, Moment, ProcessIdentity } from '../../../src/domain/pool/model.ts'

/** What `report-state.ts` prints. */
export interface ReportedState {
  readonly account: Account
  readonly identity: ProcessIdentity
  readonly liveness: Liveness
  readonly moment: Moment
  readonly inherited: { descriptors: number[]; openFiles: number; ignored: string; blocked: string }
}

/** The shell command that runs `report-state.ts`. */
export const REPORT_STATE = `'${process.execPath}' '${import.meta.dir}/report-state.ts'`

/** Runs a shell script. The last line that it prints must come from `REPORT_STATE`. */
export function reportedState(
  script: string,
  options: { env?: Record<string, string>; shell?: string } = {},
): ReportedState {
  const { stdout, stderr } = Bun.spawnSync([options.shell ?? 'bash', '-c', script], {
    env: { ...process.env, ...options.env },
  })
  const line = stdout.toString().trim().split('\n').at(-1)
  if (!line) throw new Error(`nothing printed: ${stderr}`)
  return JSON.parse(line)
}
