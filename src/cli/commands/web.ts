import { socketPathIn } from '../../domain/settings.ts'
import type { Warning } from '../../domain/warnings.ts'
import type { UsageQuestion } from '../../views/documents/usage-answer.ts'
import type { ServingDocument } from '../../views/schemas/dashboard.ts'
import type { WebServer } from '../../web/server.ts'
import { command } from '../command.ts'
import type { Context, Dashboard, FollowedMove } from '../context.ts'
import { wholeNumber } from '../options/kinds.ts'
import { option } from '../options/option.ts'

const MOST_PORTS = 65_535

/** A running server. It runs until `stopped` resolves. */
interface Serving {
  readonly server: WebServer
  readonly demo: boolean
  readonly stopped: Promise<void>
  readonly move: FollowedMove
}

export const web = command({
  examples: [
    'canhazgpu web',
    'canhazgpu web --port 3000',
    'canhazgpu web --host 127.0.0.1 --port 8080',
    'canhazgpu web --demo',
  ],
  options: [
    option('-p, --port <port>', 'Port to run the web server on; 0 for any free one (default: 8080)', {
      kind: wholeNumber(0, MOST_PORTS),
      default: 8080,
    }),
    option('--host <host>', 'Host to bind the web server to (default: 0.0.0.0)', { default: '0.0.0.0' }),
    option('--demo', 'Show made-up users and GPUs instead of this machine'),
  ],
  async handle({ port, host, demo }, context): Promise<Serving> {
    const { startServer } = await import('../../web/server.ts')
    const dashboard = await context.dashboard()
    const site = demo === true ? await demoSite(context, dashboard) : await ownSite(context, dashboard)
    const server = await startServer({
      ...site,
      connections: dashboard.connections,
      version: context.version,
      address: { host, port },
      access: { token: context.settings.webToken, basic: context.settings.webBasic },
      now: context.now,
      clock: context.steadyClock,
    })
    if (server.open) context.warn(OPEN_TO_EVERYONE)
    for (const warning of await dashboard.exposedPasswords()) context.warn(warning)
    const isDemo = demo === true
    const move = isDemo ? NO_MOVE : await context.followMove()
    return { server, demo: isDemo, stopped: context.untilStopped(), move }
  },
  text: ({ server: { url } }) => ({ stdout: `Serving the GPU dashboard on ${url}\n` }),
  json: ({ server: { url }, demo }): ServingDocument => ({ url, ...(demo ? { demo } : {}) }),
  async keepRunning({ server, stopped, move }) {
    const isMoved = await Promise.race([stopped.then(() => false), move.hasMoved.then(() => true)])
    move.stop()
    await server.close()
    if (isMoved) move.startAgain()
  },
})

/** The demo has no pool that could be moved. */
const NO_MOVE: FollowedMove = { hasMoved: new Promise(() => {}), stop: () => {}, startAgain: () => {} }

export const OPEN_TO_EVERYONE: Warning = {
  code: 'open-to-everyone',
  message:
    'everyone who can reach this machine can see this page. Set web.token or web.basic in the configuration, or use --host 127.0.0.1',
}

async function ownSite({ settings, hostname, hosts }: Context, { pool, askUsage, groupsOf }: Dashboard) {
  const isAdvisory = socketPathIn(settings.store) === undefined
  return { pool: await pool(), askUsage, groupsOf, isAdvisory, hostname: hostname(), hosts }
}

async function demoSite(context: Context, { emptyStore }: Dashboard) {
  const { demoPool, DEMO_HOST } = await import('../../web/demo/demo-pool.ts')
  const { usageAnswer } = await import('../../views/documents/usage-answer.ts')
  const pool = demoPool({ now: context.now, steady: context.steadyClock }, emptyStore)
  const askUsage = async (question: UsageQuestion) => JSON.stringify(await usageAnswer(pool, question))
  const groupsOf = async () => new Map<number, readonly number[]>()
  return {
    pool,
    askUsage,
    groupsOf,
    isAdvisory: false,
    hostname: DEMO_HOST,
    hosts: null,
    demo: true as const,
  }
}
