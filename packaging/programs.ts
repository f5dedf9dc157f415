/** Runs a program to its end and returns its standard output. Throws if it fails. */
export async function must(...argv: readonly string[]): Promise<string> {
  const [program = ''] = argv
  if (Bun.which(program) === null) throw new Error(`${program} is not installed`)
  const child = Bun.spawn([...argv], { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
  const [stdout, stderr, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  if (status !== 0) throw new Error(`'${argv.join(' ')}' failed with status ${status}: ${stderr || stdout}`)
  return stdout
}
