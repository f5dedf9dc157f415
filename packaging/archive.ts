import { basename, dirname } from 'node:path'
import type { Packing } from './main.ts'
import { must } from './programs.ts'

/** Makes a `.tar.gz` of a tree. Its bytes depend only on the files, the time, and the versions of tar and gzip. */
export async function archive({ tree, out, time, isQuick }: Packing): Promise<void> {
  const name = basename(tree)
  const fixed = [
    '--sort=name',
    `--mtime=@${time}`,
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--format=gnu',
    '--mode=u+rw,go+rX,go-w',
  ]
  const gzip = `gzip --no-name ${isQuick ? '-1' : '-9'}`
  await must(
    'tar',
    ...fixed,
    '--use-compress-program',
    gzip,
    '-cf',
    `${out}/${name}.tar.gz`,
    '-C',
    dirname(tree),
    name,
  )
}
