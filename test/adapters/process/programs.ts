export function compile(source: string, program: string): void {
  const { exitCode, stderr } = Bun.spawnSync(['gcc', '-O1', '-Wall', '-o', program, source, '-lpthread'])
  if (exitCode !== 0) throw new Error(stderr.toString())
}

/** The first line that a process prints. It shows that the process is ready. */
export async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = ''
  const reader = stream.getReader()
  while (!text.includes('\n')) {
    const { value, done } = await reader.read()
    if (done) break
    text += Buffer.from(value).toString()
  }
  reader.releaseLock()
  return text.split('\n')[0] ?? ''
}
