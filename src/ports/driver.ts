import type { Millis, Probe } from '../domain/pool/model.ts'

/** Reads the GPUs of this host. */
export interface GpuProvider {
  /**
   * Probes all GPUs once. Answers within the deadline or throws `driver-unresponsive`; throws `driver-missing` or
   * `driver-failed` where the driver as a whole cannot be asked. A fault of one GPU is part of the answer.
   */
  probe(deadlineMs: Millis): Promise<Probe>
}
