import { flawOf, inputAt, kindOf, shrunk } from './campaign.ts'
import { storedInputs, textOf } from './corpus.ts'
import type { Finding, Report, Task } from './explore.ts'
import type { Parser } from './parser.ts'
import { PARSERS } from './parsers.ts'

declare const self: Worker

/** One flaw usually shows in many inputs. */
const MOST_FINDINGS = 12

self.onmessage = async ({ data }: MessageEvent<Task>) => {
  const parser = PARSERS.find(({ name }) => name === data.parser)
  if (parser !== undefined) self.postMessage(await work(parser, data))
}

async function work(parser: Parser, { seed, seconds, slowMs, progress }: Task): Promise<Report> {
  const counter = new Int32Array(progress)
  const findings = new Map<string, Finding>()
  const stored = (await storedInputs(parser)).map(textOf)
  // The time counts from the first new input, so that a busy machine tries some of them too.
  let end = Number.POSITIVE_INFINITY
  let at = -stored.length
  for (; performance.now() < end && findings.size < MOST_FINDINGS; at++) {
    if (at === 0) end = performance.now() + seconds * 1_000
    Atomics.store(counter, 0, at)
    const input = stored.at(at < 0 ? at : stored.length) ?? inputAt(parser, seed, at)
    const before = performance.now()
    const flaw = (await flawOf(parser, input)) ?? (await slowness(parser, input, { before, slowMs }))
    if (flaw === null || findings.has(kindOf(flaw))) continue
    const shorter = flaw.startsWith('Slow') ? input : await shrunk(parser, input, flaw)
    findings.set(kindOf(flaw), { flaw, seed, at, input: shorter })
  }
  return { executions: at + stored.length, findings: [...findings.values()] }
}

/** Takes the fastest of five runs, because other processes use the machine as well. */
async function slowness(
  parser: Parser,
  input: string,
  { before, slowMs }: { readonly before: number; readonly slowMs: number },
): Promise<string | null> {
  let quickest = performance.now() - before
  for (let again = 0; again < 4 && quickest > slowMs; again++) {
    const start = performance.now()
    await flawOf(parser, input)
    quickest = Math.min(quickest, performance.now() - start)
  }
  return quickest > slowMs ? `Slow: ${Math.round(quickest)} ms for ${input.length} characters` : null
}
