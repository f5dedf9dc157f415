import { runsOf } from './recording/screen.ts'
import { recordSession } from './recording/session.ts'
import { svg } from './recording/svg.ts'

/** `bun scripts/recording.ts`: records the terminal of the README again, from the built executable. */
export const RECORDING = 'docs/images/terminal.svg'

if (import.meta.main) {
  const runs = runsOf(await recordSession())
  await Bun.write(RECORDING, svg({ runs, title: 'canhazgpu in a terminal' }))
  console.log(`recorded ${RECORDING}`)
}
