import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { becomeDaemon } from '../../../src/adapters/process/detach.ts'

/** Becomes a daemon and writes its state as JSON to the pipe: `daemon PIPE ARGUMENT…`. */
becomeDaemon()
const [pipe = '', ...args] = process.argv.slice(2)
const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? []
const status = readFileSync('/proc/self/status', 'utf8')
const descriptors: Record<string, string> = {}
for (const fd of readdirSync('/proc/self/fd')) {
  try {
    descriptors[fd] = readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    // The descriptor that listed them.
  }
}
const state = {
  group: Number(fields[2]),
  session: Number(fields[3]),
  directory: process.cwd(),
  umask: process.umask(),
  descriptors,
  ignored: /SigIgn:\t(\w+)/.exec(status)?.[1],
  blocked: BigInt(`0x${/SigBlk:\t(\w+)/.exec(status)?.[1]}`).toString(16),
  args,
}
writeFileSync(pipe, JSON.stringify(state))
