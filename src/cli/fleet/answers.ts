import type { HostAnswer, HostsAnswer } from '../../app/fleet/hosts.ts'
import type { SnapshotPart } from '../../domain/fleet/snapshot.ts'
import type { Millis } from '../../domain/pool/model.ts'
import { hostDocument } from '../../views/fleet/host-document.ts'
import type { Parts } from '../../views/fleet/own-part.ts'
import type { HostDocument } from '../../views/schemas/fleet.ts'
import { emptyBoardLine, hostHeading, unpublishedLine } from '../../views/words/fleet/host-words.ts'
import type { Context } from '../context.ts'
import type { Which } from './shown.ts'

const NO_OTHER_HOSTS = 'No other hosts are configured: see fleet and remote_hosts in docs/configuration.md\n'

/** One host: what is known about it, and its part if there is one. */
export interface HostPart<Part> {
  readonly host: HostDocument
  readonly part: Part | undefined
}

export interface Answers<Part> {
  readonly hosts: readonly HostPart<Part>[]
  readonly failure: HostsAnswer<unknown>['boardFailure'] | undefined
  /** A line on stderr if the configuration names no other hosts, or if others do not see this host as it is. */
  readonly notice: string
  /** Lines on stderr about the hosts whose words are old or missing, for a command that does not show every host. */
  readonly old: string
  readonly now: Millis
}

export async function askHosts<Part extends SnapshotPart>(
  which: Which,
  part: Part,
  context: Context,
): Promise<Answers<Parts[Part]>> {
  const hosts = await context.hosts()
  const {
    hosts: answers,
    boardFailure,
    boardEmptyAgo,
  }: HostsAnswer<Parts[Part]> = which.kind === 'all'
    ? await hosts.all(part)
    : { hosts: [await reached(hosts.one(which.host, part))] }
  const now = context.now()
  const documents = answers.map((answer) => ({ host: hostDocument(answer, now), part: documentOf(answer) }))
  const old = documents.filter(({ host }) => host.state !== 'current')
  return {
    hosts: documents,
    failure: boardFailure,
    notice:
      which.kind === 'all' && !hosts.areConfigured
        ? NO_OTHER_HOSTS
        : documents.map(({ host }) => unpublishedLine(host)).join('') + emptyBoardLine(boardEmptyAgo),
    old: old.map(({ host }) => hostHeading(host, [], now)).join(''),
    now,
  }
}

/** If only one host was asked, its failure is that of the command. */
async function reached<Document>(asked: Promise<HostAnswer<Document>>): Promise<HostAnswer<Document>> {
  const answer = await asked
  if (answer.kind === 'unreachable') throw answer.error
  return answer
}

const documentOf = <Document>(answer: HostAnswer<Document>): Document | undefined =>
  answer.kind === 'known' ? answer.document : undefined
