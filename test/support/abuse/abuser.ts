/**
 * A hostile client of a daemon: `abuser.js <socket> <abuse>`. Prints a line when the abuse is under way, and goes on
 * until it is killed. Imports only types of `src`.
 */

import { brokenMessages } from './broken-messages.ts'
import { type Abuses, abuse } from './client.ts'
import { connections } from './connections.ts'
import { mutations } from './mutations.ts'
import { queue } from './queue.ts'
import { requests } from './requests.ts'

const ABUSES: Abuses = { ...connections, ...brokenMessages, ...requests, ...queue, ...mutations }

await ABUSES[abuse]?.()
// Connections stay open.
setInterval(() => {}, 1_000_000)
