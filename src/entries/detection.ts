import { driverEnvironment } from '../adapters/process/driver-environment.ts'
import type { Millis, Probe, ProviderChoice } from '../domain/pool/model.ts'
import { detectChosen } from './administration.ts'

/** Detects the GPUs of this machine. As root it starts no program that another user could have planted. */
export function detectHere(choice: ProviderChoice | undefined, timeout: Millis): Promise<Probe> {
  const env = { ...process.env, ...driverEnvironment(process.env) }
  return detectChosen({ choice, fakeCount: 0, env }, timeout)
}
