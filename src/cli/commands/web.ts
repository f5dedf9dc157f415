import type { UsageQuestion } from '../../views/documents/usage-answer.ts'
import type { WebServer } from '../../web/server.ts'
import type { CommandSpec } from '../command.ts'
import { option } from '../options/option.ts'
import { wholeNumber } from '../options/options.ts'
import type { World } from '../world.ts'

interface WebOptions {
  readonly port: number
  readonly host: string
  readonly demo?: true
}

const MOST_PORTS = 65_535

/** A server at work, and when it is to end. */
interface Serving {
  readonly server: WebServer
  readonly stopped: Promise<void>
}

export const web: CommandSpec<WebOptions, Serving> = {
  examples: [
    'canhazgpu web',
    'canhazgpu web --port 3000',
    'canhazgpu web --host 127.0.0.1 --port 8080',
    'canhazgpu web --demo',
  ],
  options: () => [
    option('-p, --port <port>', 'Port to run the web server on; 0 for any free one (default: 8080)', {
      read: wholeNumber('--port', 0, MOST_PORTS),
      default: 8080,
    }),
    option('--host <host>', 'Host to bind the web server to (default: 0.0.0.0)', { default: '0.0.0.0' }),
    option('--demo', 'Show the day of a made-up team instead of this machine'),
  ],
  async handle({ port, host, demo }, world) {
    const { startServer } = await import('../../web/server.ts')
    const site = demo
      ? await demoSite(world)
      : { deps: await world.lastingDeps(), askUsage: world.askUsage, hostname: world.hostname() }
    const server = await startServer({
      ...site,
      connections: await world.connections(),
      version: world.version,
      address: { host, port },
      access: { token: world.settings.webToken, basic: world.settings.webBasic },
      clock: world.steadyClock,
    })
    for (const message of await world.exposedPasswords()) world.warn(message)
    return { server, stopped: world.untilStopped() }
  },
  text: ({ server: { url, open } }) => ({
    stdout: `Serving the GPU dashboard on ${url}\n`,
    ...(open ? { stderr: OPEN_TO_ALL } : {}),
  }),
  json: ({ server: { url } }) => ({ url }),
  async stay({ server, stopped }) {
    await stopped
    await server.close()
  },
}

const OPEN_TO_ALL =
  'Warning: whoever can reach this machine can see this page. Set web.token or web.basic in the configuration, or use --host 127.0.0.1\n'

async function demoSite(world: World) {
  const { demoDeps, DEMO_HOST } = await import('../../web/demo/deps.ts')
  const { usageAnswer } = await import('../../views/documents/usage-answer.ts')
  const deps = demoDeps({ now: world.now, steady: world.steadyClock })
  const askUsage = async (question: UsageQuestion) => JSON.stringify(await usageAnswer(deps, question))
  return { deps, askUsage, hostname: DEMO_HOST }
}
