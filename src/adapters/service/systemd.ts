import { existsSync, lstatSync, rmSync } from 'node:fs'
import { startedButSilent, systemctlFailed } from '../../domain/service-errors.ts'
import { ConnectionFailed } from '../../ports/daemon-connection.ts'
import type { ServiceManager, ServicePlace, UnitFile } from '../../ports/service-machine.ts'
import { connectToDaemon } from '../daemon/connect.ts'
import { prepareSocketFolder } from '../daemon/socket-path.ts'
import { replaceFile } from '../files/replace-file.ts'
import { refuseUnusablePlace, unitText } from './unit-file.ts'

export const UNIT_NAME = 'canhazgpu.service'
const OWN_UNIT = `/etc/systemd/system/${UNIT_NAME}`
const PACKAGED_UNITS = [`/usr/lib/systemd/system/${UNIT_NAME}`, `/lib/systemd/system/${UNIT_NAME}`]
/** This folder exists while systemd runs: sd_booted(3). */
const RUNNING = '/run/systemd/system'

const ANSWERS_WITHIN_MS = 15_000
const TRY_AGAIN_EVERY_MS = 50

/** The unit for the executable at this path. */
export function unitFile(program: string): UnitFile {
  const packaged = PACKAGED_UNITS.find((path) => existsSync(path))
  const isOwnNeeded = packaged === undefined || existsSync(OWN_UNIT)
  return {
    path: isOwnNeeded ? OWN_UNIT : packaged,
    text: (place) => unitText(program, place),
    prepare(place: ServicePlace) {
      refuseUnusablePlace(place)
      prepareSocketFolder(place.socket)
    },
    write(place: ServicePlace) {
      if (isOwnNeeded) replaceFile(OWN_UNIT, unitText(program, place), { mode: 0o644, uid: 0, gid: 0 })
    },
    remove: () => rmSync(OWN_UNIT, { force: true }),
  }
}

/** The unit that is installed here. */
export const installedUnit = (): string | undefined =>
  [OWN_UNIT, ...PACKAGED_UNITS].find((path) => existsSync(path))

/** Whether systemd runs here. */
export const isBooted = (): boolean => lstatSync(RUNNING, { throwIfNoEntry: false }) !== undefined

/** Null if systemd does not run here. */
export function systemd(): ServiceManager | null {
  if (!isBooted()) return null
  return {
    async start(socket) {
      await systemctl('daemon-reload')
      await systemctl('enable', UNIT_NAME)
      await systemctl('restart', UNIT_NAME)
      await untilAnswered(socket)
    },
    async stop() {
      if (installedUnit() === undefined) return
      await systemctl('disable', '--now', UNIT_NAME)
    },
    reload: () => systemctl('daemon-reload'),
  }
}

async function systemctl(...args: readonly string[]): Promise<void> {
  const child = Bun.spawn(['systemctl', ...args], { stdin: 'ignore', stdout: 'ignore', stderr: 'pipe' })
  const [stderr, status] = await Promise.all([new Response(child.stderr).text(), child.exited])
  if (status === 0) return
  const [reason = ''] = stderr.trim().split('\n')
  throw systemctlFailed(args, reason)
}

async function untilAnswered(socket: string): Promise<void> {
  const giveUpAt = Bun.nanoseconds() + ANSWERS_WITHIN_MS * 1e6
  for (;;) {
    try {
      const connection = await connectToDaemon(socket)
      connection.close()
      return
    } catch (error) {
      if (!(error instanceof ConnectionFailed)) throw error
    }
    if (Bun.nanoseconds() > giveUpAt) throw startedButSilent(socket)
    await Bun.sleep(TRY_AGAIN_EVERY_MS)
  }
}
