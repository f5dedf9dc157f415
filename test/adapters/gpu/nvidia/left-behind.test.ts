import { expect } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { needing } from '../../../support/needs.ts'

const SOURCE = new URL('../../../../src/adapters/gpu/nvidia/left-behind.ts', import.meta.url).pathname

needing('root', 'strace', 'setpriv').test(
  'command lines of processes of other accounts are not read, because their users can block the reader',
  async () => {
    const folder = mkdtempSync('/tmp/canhazgpu-left-')
    const other = Bun.spawn(['setpriv', '--reuid=65534', '--clear-groups', 'sleep', '1000'])
    try {
      const script = `import { countLeftBehind } from '${SOURCE}'; console.log(countLeftBehind())`
      const trace = ['strace', '-f', '-e', 'trace=open,openat', '-o', `${folder}/trace`]
      const { stdout } = Bun.spawnSync([...trace, process.execPath, '-e', script])
      expect(stdout.toString()).toBe('0\n')
      const opened = readFileSync(`${folder}/trace`, 'utf8')
      expect(opened).toContain(`/proc/${process.pid}/cmdline`)
      expect(opened).toContain(`/proc/${other.pid}/status`)
      expect(opened).not.toContain(`/proc/${other.pid}/cmdline`)
    } finally {
      other.kill('SIGKILL')
      await other.exited
      rmSync(folder, { recursive: true })
    }
  },
)
