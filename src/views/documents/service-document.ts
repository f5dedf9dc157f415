import type { ServiceAnswer } from '../../app/service.ts'
import type { ServiceDocument } from '../schemas/service.ts'

export function serviceDocument(answer: ServiceAnswer): ServiceDocument {
  const { kind, socket, pool, unit, unitText, configuration, moved } = answer
  return {
    result: kind,
    ...{ socket, pool },
    ...(unit === null ? {} : { unit }),
    ...(unitText === undefined ? {} : { unit_text: unitText }),
    ...{ configuration, moved },
  }
}
