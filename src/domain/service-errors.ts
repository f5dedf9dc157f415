import { CanhazgpuError } from './errors.ts'

/** The failures of installing and removing the service. */

/** `example`: a path that the service can use. */
export const unusablePlace = (
  path: string,
  reason: string,
  { flag, example }: { readonly flag: string; readonly example: string },
): CanhazgpuError =>
  new CanhazgpuError('usage', `The service cannot use ${path}, because ${reason}`, {
    hint: `name a path in another folder with ${flag}, such as ${example}`,
  })

export const onlyRootInstalls = (isInUserNamespace: boolean): CanhazgpuError =>
  new CanhazgpuError('permission-denied', 'Only root may install or remove the service', {
    hint: isInUserNamespace ? 'run it outside this user namespace, where every user can be root' : 'use sudo',
  })

/** Root would run it at every boot. */
export const replaceableProgram = (program: string): CanhazgpuError =>
  new CanhazgpuError('permission-denied', `Another user can replace ${program}`, {
    hint: "install it first: 'install -m 755 canhazgpu /usr/local/bin/canhazgpu'",
  })

export const notEditable = (path: string, hint: string): CanhazgpuError =>
  new CanhazgpuError('config-invalid', `The configuration ${path} cannot be changed safely`, { hint })

export const systemctlFailed = (args: readonly string[], reason: string): CanhazgpuError =>
  new CanhazgpuError('failure', `'systemctl ${args.join(' ')}' failed: ${reason}`, {
    hint: "when it is repaired, run the same 'canhazgpu service' command again",
  })

/** Systemd has started the daemon. */
export const startedButSilent = (socket: string): CanhazgpuError =>
  new CanhazgpuError('daemon-unavailable', `The daemon does not answer at ${socket}`, {
    hint: "see 'journalctl -u canhazgpu'",
  })
