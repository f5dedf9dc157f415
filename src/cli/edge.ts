import type { Settings } from '../domain/settings.ts'
import type { Look } from '../views/words/printed.ts'
import type { World } from './world.ts'

/** What the command line says of its surroundings. */
export interface Surroundings {
  readonly flags: Readonly<Partial<Record<keyof Settings, string>>>
  readonly configFile?: string
  readonly operands: readonly string[]
  readonly commandLine: readonly string[] | null
  /** Whether the command can wait for its turn, and become another program. */
  readonly waits: boolean
  /** Whether a program reads the answer. */
  readonly json: boolean
}

/** The edge of the program: where it prints, and how it reaches the machine. */
export interface Edge {
  readonly version: string
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
  readonly look: { readonly stdout: Look; readonly stderr: Look }
  readonly world: (surroundings: Surroundings) => Promise<World>
}
