import { relayTo } from '../test/support/relay.ts'

/** A program: a way to the server at a port on which bytes take longer. Prints its own port. */
const [port = '', ms = ''] = process.argv.slice(2)
const relay = relayTo(Number(port))
relay.delay(Number(ms))
console.log(relay.port)
