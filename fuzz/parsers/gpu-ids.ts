import { gpuNumber } from '../../src/domain/pool/units.ts'
import { parseGpuIds } from '../../src/domain/text/gpu-ids.ts'
import { ARGUMENT_BYTES, type Parser } from '../parser.ts'
import { answerOf, isAscending, verify } from '../soundness.ts'

export const gpuIds: Parser = {
  name: 'gpu-ids',
  seeds: ['0', '1,3', '0-3', '0-1,5', '7,6,5', ' 1 , 2 ', '0-1023', '10-12,0-3,5'],
  words: [',', '-', ' ', '0', '1', '3', '0-3', '1023', '1024', '0-1023', '0-999,', '+1', '#'],
  longest: ARGUMENT_BYTES,
  check(input) {
    const ids = answerOf(['usage'], () => parseGpuIds(input))
    if (ids === null) return
    verify(ids.length > 0 && ids.every((id) => /^(0|[1-9]\d{0,3})$/.test(id)), `ids ${ids}`)
    const numbers = ids.map(gpuNumber)
    verify(
      numbers.every((number) => number <= 1023),
      `ids ${ids}`,
    )
    verify(isAscending(numbers), `ids are repeated or not sorted: ${ids}`)
    verify(parseGpuIds(ids.join(',')).join() === ids.join(), 'the ids are read as another list')
  },
}
