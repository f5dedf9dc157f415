import { lstatSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { notEditable } from '../../domain/service-errors.ts'
import { MACHINE_FILE } from '../../domain/settings.ts'
import type { ServicePlace, StoreSetting } from '../../ports/service-machine.ts'
import { foreignStep } from '../files/ownership.ts'
import { type FileRights, replaceFile, syncFolder } from '../files/replace-file.ts'
import { earlierPool, withDaemon, withoutDaemon } from '../settings/store-line.ts'

const NEW_FILE: FileRights = { mode: 0o644, uid: 0, gid: 0 }

/** The setting in the configuration of the machine. */
export function machineSetting(): StoreSetting {
  const path = MACHINE_FILE
  return {
    path,
    check: (place) => {
      changedTo(place, readOwn(path)?.text ?? '')
    },
    use(place) {
      mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
      const found = readOwn(path)
      const changed = changedTo(place, found?.text ?? '')
      if (changed !== found?.text) replaceFile(path, changed, found?.rights ?? NEW_FILE)
    },
    restore() {
      const found = readOwn(path)
      if (found === null) return
      const changed = withoutDaemon(path, found.text)
      if (changed === null) throw notEditable(path, "remove the line with 'store:' from it yourself")
      if (changed === found.text) return
      if (changed !== '') return replaceFile(path, changed, found.rights)
      rmSync(path)
      syncFolder(dirname(path))
    },
  }
}

/** The pool of the installed daemon, or of one that was being installed; undefined if no file names it. */
export function installedPool(): string | undefined {
  const found = readOwn(MACHINE_FILE)
  return found === null ? undefined : earlierPool(MACHINE_FILE, found.text)
}

function changedTo({ socket, pool }: ServicePlace, text: string): string {
  const store = `unix://${socket}`
  const changed = withDaemon(MACHINE_FILE, text, { store, pool })
  if (changed !== null) return changed
  throw notEditable(MACHINE_FILE, `write the line 'store: ${store}' into it yourself`)
}

/** Null if there is no file. Throws `config-invalid` for one that another user controls, and for a link. */
function readOwn(path: string): { readonly text: string; readonly rights: FileRights } | null {
  if (foreignStep(path) !== null) throw notEditable(path, `give the folder ${dirname(path)} to root`)
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return null
  if (!stats.isFile() || stats.nlink > 1) throw notEditable(path, 'replace it by a regular file')
  const { mode, uid, gid } = stats
  return { text: readFileSync(path, 'utf8'), rights: { mode: mode & 0o7777, uid, gid } }
}
