import { dirname } from 'node:path'
import { unusablePlace } from '../../domain/service-errors.ts'
import { DEFAULT_POOL, DEFAULT_SOCKET } from '../../domain/settings.ts'
import type { ServicePlace } from '../../ports/service-machine.ts'
import { realPath } from '../kernel/libc/paths.ts'
import { DEFAULT_FOLDER } from '../store/files/repair.ts'

/** `PrivateTmp=` of the unit replaces these. */
const PRIVATE_FOLDERS = ['/tmp', '/var/tmp']
/** The unit mounts these read-only (`ProtectSystem=`, `ProtectHome=`). Only a folder below one of them can be writable. */
const READ_ONLY_FOLDERS = ['/', '/home', '/root', '/run/user']
/** File systems of the kernel. */
const KERNEL_FOLDERS = ['/proc', '/sys']
const FOLDERS_OF_ROOT = ['/root']

/** Throws `usage` for a path that the service cannot use. */
export function refuseUnusablePlace(place: ServicePlace): void {
  for (const [flag, path] of Object.entries({ '--pool': place.pool, '--socket': place.socket })) {
    const reason = unusable(realFolder(path), flag === '--socket')
    if (reason === undefined) continue
    const example = flag === '--socket' ? DEFAULT_SOCKET : DEFAULT_POOL
    throw unusablePlace(path, reason, { flag, example })
  }
}

function unusable(folder: string, isSocket: boolean): string | undefined {
  const around = (folders: readonly string[]) => folders.find((each) => `${folder}/`.startsWith(`${each}/`))
  const hidden = around(PRIVATE_FOLDERS)
  if (hidden !== undefined) return `it has its own ${hidden}`
  const kernels = around(KERNEL_FOLDERS)
  if (kernels !== undefined) return `${kernels} is a file system of the kernel`
  if (READ_ONLY_FOLDERS.includes(folder)) return `it cannot write in ${folder}`
  if (isSocket && around(FOLDERS_OF_ROOT) !== undefined) return 'only root can reach it there'
  return undefined
}

/** The systemd unit of the daemon. `program` is the path of the executable. */
export function unitText(program: string, { socket, pool }: ServicePlace): string {
  const folder = realFolder(pool)
  // systemd makes a state directory only at this path itself, not behind a link.
  const isDefault = folder === DEFAULT_FOLDER
  const mounts = isDefault ? '' : `RequiresMountsFor=${pathWord(folder)}\n`
  const state = isDefault
    ? 'StateDirectory=canhazgpu\nStateDirectoryMode=0700'
    : `ReadWritePaths=${pathWord(folder)}`
  const command = [program, 'daemon', '--keep-trying', `--socket=${socket}`, `--pool=${pool}`]
    .map(commandWord)
    .join(' ')
  return `# Written by 'canhazgpu service install'. Use 'systemctl edit canhazgpu' for changes: an upgrade keeps those.
[Unit]
Description=GPU reservations (canhazgpu)
After=local-fs.target nss-user-lookup.target
StartLimitIntervalSec=0
${mounts}
[Service]
ExecStart=${command}
# Commands wait five seconds for a daemon that restarts. One that cannot start tries again itself, with growing pauses.
Restart=always
RestartSec=100ms
# A child that stops a job at its time limit must survive a restart of the daemon. The user of a job may block a child
# that writes to its standard error, and that must not delay a restart.
KillMode=process
OOMScoreAdjust=-900
# Jobs may keep all processors busy. Their threads are then not ahead of the daemon, whatever their number.
CPUWeight=500
# One descriptor for each connection, and one for each process that is watched.
LimitNOFILE=65536
WorkingDirectory=/
UMask=0022
UnsetEnvironment=BUN_OPTIONS BUN_BE_BUN
${state}
${runtimeLines(socket)}

# Hardening.
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelTunables=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
# The name service may ask a server, for example LDAP.
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
# KILL: the daemon ends the command of a job at its time limit. SETUID, SETGID: a child takes the rights of the account
# of that job before it signals the other processes of the job. SYS_PTRACE, DAC_READ_SEARCH: reads /proc of all processes, also the open files of a
# job, to write messages to its standard error.
# MKNOD, SYS_MODULE, CHOWN, FOWNER: nvidia-modprobe loads the driver and creates its device files, at first use after
# boot.
CapabilityBoundingSet=CAP_SETUID CAP_SETGID CAP_KILL CAP_SYS_PTRACE CAP_DAC_READ_SEARCH CAP_MKNOD CAP_SYS_MODULE CAP_CHOWN CAP_FOWNER
# Left out, because the job does not allow it:
# User=: only root may read /proc of all accounts and take the rights of the account of a job.
# MemoryDenyWriteExecute=: the runtime compiles code while it runs.
# PrivateDevices=, DevicePolicy=: the driver needs the device files of the GPUs. ProtectClock= implies DevicePolicy=.
# ProtectProc=, ProcSubset=, PrivatePIDs=: the daemon watches the processes of all accounts, and reads the boot id.
# PrivateUsers=: the kernel must report the accounts of callers as they are.
# ProtectKernelModules=: see SYS_MODULE above.
# SystemCallFilter=: the runtime, the drivers and the modules of the name service need calls that change with their
# versions, and a missing call would end the daemon.

[Install]
WantedBy=multi-user.target
`
}

/** Folders below /run are empty after a boot, so systemd creates the folder of a socket there. */
function runtimeLines(socket: string): string {
  const folder = realFolder(socket)
  if (!folder.startsWith('/run/')) return `ReadWritePaths=${pathWord(folder)}`
  return `# A container may mount this folder, so it stays while the daemon restarts.
RuntimeDirectory=${pathWord(folder.slice('/run/'.length))}
RuntimeDirectoryMode=0755
RuntimeDirectoryPreserve=yes`
}

/** With links resolved, as far as the folder exists. */
const realFolder = (path: string): string => realPath(dirname(path)) ?? dirname(path)

/** A path in a setting: systemd expands `%`. */
const pathWord = (path: string): string => (isPlain(path) ? path : `"${escaped(path)}"`)

/** A word of a command line: systemd also expands `$`. */
function commandWord(word: string): string {
  const text = escaped(word).replaceAll('$', '$$$$')
  return isPlain(text) ? text : `"${text}"`
}

const isPlain = (word: string): boolean => /^[\w./=:@+-]+$/.test(word)

const escaped = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%').replaceAll('\n', '\\n')
