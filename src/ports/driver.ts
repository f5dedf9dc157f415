import type { Millis, Probe } from '../domain/pool/model.ts'

/** Reads the GPUs of this host. */
export interface GpuProvider {
  /**
   * Probes all GPUs once. Answers within the deadline or throws `driver-unresponsive`. Throws `driver-missing` or
   * `driver-failed` if the whole driver fails. A fault of one GPU is part of the answer.
   */
  probe(deadlineMs: Millis): Promise<Probe>
}
