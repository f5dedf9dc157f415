import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StatusDocument } from '../../../src/views/schemas/status.ts'
import { nvidiaSmiFiles, STAND_INS } from '../../adapters/gpu/simulated-drivers.ts'
import { EIGHT_H100, type SimulatedMachine } from '../../adapters/gpu/simulated-machine.ts'
import { binary } from '../../support/pool.ts'
import { type SystemdMachine, systemdMachine } from '../../support/systemd.ts'
import { until } from '../../support/until.ts'
import { asAccount } from './follow.ts'

export const PROGRAMS = '/usr/local/bin'
export const BACKUPS = '/var/backups/canhazgpu'
export const SET_UP = 'canhazgpu admin --gpus 8'

/** A machine with eight GPUs and systemd, its administrator, and the users ann (a student) and ben. */
export interface AdministeredMachine extends SystemdMachine {
  /** Removes service, pool, configuration and back-ups, and installs this build. */
  reset(): Promise<void>
  /** Replaces the installed program by another build. */
  install(executable: string): Promise<void>
  /** The GPUs that the driver shows from now on. */
  showGpus(machine: SimulatedMachine): void
  /** Holder and note of each reserved GPU. */
  holders(): Promise<readonly string[]>
  /** The notes of the waiters. */
  waiting(): Promise<readonly string[]>
  /** Starts a job with this note, and waits until it runs. */
  startJob(user: string, note: string, options?: string): Promise<void>
  /** Starts a waiter for GPU 0 with this note, and waits until it is in the queue. */
  startWaiter(user: string, note: string): Promise<void>
  /** What the job or waiter with this note has printed to stderr. */
  messagesOf(note: string): Promise<string>
}

export async function administeredMachine(): Promise<AdministeredMachine> {
  const on = await systemdMachine()
  // The tests are root, and nobody asks for a password.
  await on.must(`printf '#!/bin/sh\\nexec "$@"\\n' > ${PROGRAMS}/sudo && chmod 755 ${PROGRAMS}/sudo`)
  await on.must(`printf '#!/bin/sh\\n' > ${PROGRAMS}/python && chmod 755 ${PROGRAMS}/python`)
  on.put(join(STAND_INS, 'nvidia-smi'), `${PROGRAMS}/nvidia-smi`)
  await on.must(`chmod 755 ${PROGRAMS}/nvidia-smi; ip link set lo up`)
  await on.must('groupadd students; useradd --groups students ann; useradd ben')

  const install = async (executable: string) => {
    on.put(executable, `${PROGRAMS}/canhazgpu.new`)
    await on.must(`chmod 755 ${PROGRAMS}/canhazgpu.new && mv ${PROGRAMS}/canhazgpu.new ${PROGRAMS}/canhazgpu`)
  }
  const showGpus = (machine: SimulatedMachine) => {
    for (const [name, text] of Object.entries(nvidiaSmiFiles(machine)))
      putText(on, text, `${PROGRAMS}/${name}`)
  }
  const holders = async () => {
    const gpus: readonly StatusDocument[] = JSON.parse(await on.must('canhazgpu status --json'))
    return gpus
      .flatMap(({ user, note }) => (user === undefined ? [] : [`${user} ${note ?? ''}`.trim()]))
      .sort()
  }
  const waiting = async () => {
    const entries: readonly { readonly note?: string }[] = JSON.parse(await on.must('canhazgpu queue --json'))
    return entries.map(({ note = '' }) => note)
  }
  /** Its stderr is in a file of its name. */
  const begin = (user: string, note: string, options: string) => {
    const script = `exec canhazgpu run --note ${note} ${options} 2> /tmp/${note}`
    return on.must(`setsid ${asAccount(user, script)} < /dev/null > /dev/null 2>&1 &`)
  }
  const messagesOf = (note: string) => on.must(`cat /tmp/${note}`)
  return {
    ...on,
    ...{ install, showGpus, holders, waiting, messagesOf },
    async reset() {
      await on.must(
        'canhazgpu service uninstall || :; systemctl stop canhazgpu-web || :; pkill -u ann,ben || :',
      )
      await on.must(`rm -rf /var/lib/canhazgpu* /etc/canhazgpu /srv/* /root/pool.db ${BACKUPS} /tmp/*`)
      await on.must('mkdir -p /etc/cron.daily /etc/cron.hourly')
      showGpus(EIGHT_H100)
      await install(binary)
    },
    async startJob(user, note, options = '') {
      await begin(user, note, `${options} -- sleep 600`)
      await until(`${note} runs`, async () => (await holders()).includes(`${user} ${note}`))
    },
    async startWaiter(user, note) {
      await begin(user, note, '--wait --gpu-ids 0 -- true')
      await until(`${note} waits`, async () => (await waiting()).includes(note))
    },
  }
}

function putText(on: SystemdMachine, text: string, path: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'canhazgpu-text-'))
  writeFileSync(`${folder}/text`, text)
  on.put(`${folder}/text`, path)
  rmSync(folder, { recursive: true })
}
