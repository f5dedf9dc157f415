import { existsSync, type Stats, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Problem } from '../../domain/soundness.ts'
import { readText } from '../os/procfs.ts'
import { audienceOf, companionFiles } from './pool-files.ts'

/** Who of those who may use the database cannot use what lies beside it, and who may take it away. */
export function accessProblems(path: string): readonly Problem[] {
  const database = statSync(path)
  const audience = audienceOf(database)
  if (audience === null) {
    const what = `${path} can be written by nobody but its owner (mode ${modeOf(database)})`
    return [{ kind: 'access', what, cure: `'sudo chmod 666 ${path}' gives it to every user` }]
  }
  const mode = audience.kind === 'everyone' ? '666' : '660'
  const owner = `${database.uid}:${database.gid}`
  const files = companionFiles(path).filter((file) => existsSync(file))
  return [
    ...files.flatMap((file): Problem[] => {
      const stats = statSync(file)
      const theirs = audienceOf(stats)
      const isShared =
        theirs?.kind === 'everyone' ||
        (theirs?.kind === 'group' && audience.kind === 'group' && theirs.gid === audience.gid)
      if (isShared && stats.uid === database.uid) return []
      const what = `${file} is not for those who may use the database (owner ${stats.uid}:${stats.gid}, mode ${modeOf(stats)})`
      return [
        {
          kind: 'access',
          what,
          cure: `'sudo chown ${owner} ${file} && sudo chmod ${mode} ${file}' mends it`,
        },
      ]
    }),
    ...folderProblems(dirname(path)),
  ]
}

/** The name of the Unix group that the database is for; null: every user, or nobody but its owner. */
export function groupOf(path: string): string | null {
  const audience = audienceOf(statSync(path))
  if (audience?.kind !== 'group') return null
  const line = readText('/etc/group')
    ?.split('\n')
    .find((each) => each.split(':')[2] === String(audience.gid))
  return line?.split(':')[0] ?? `gid ${audience.gid}`
}

function folderProblems(folder: string): readonly Problem[] {
  const stats = statSync(folder)
  const isSticky = (stats.mode & 0o1000) !== 0
  if (isSticky || (stats.mode & 0o022) === 0) return []
  const what = `${folder} lets others than its owner delete or replace the database (mode ${modeOf(stats)})`
  return [{ kind: 'access', what, cure: `'sudo chmod +t ${folder}' keeps it` }]
}

const modeOf = ({ mode }: Stats): string => (mode & 0o7777).toString(8)
