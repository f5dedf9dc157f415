import { expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  FROM_CALLER,
  FROM_HOST,
  FrameReader,
  frame,
  LONGEST_FRAME,
  numberIn,
  numbersFrame,
} from '../../../src/domain/fleet/frames.ts'

const kinds = [...Object.values(FROM_CALLER), ...Object.values(FROM_HOST)]

test('frames arrive as they were sent, however the stream is cut', () => {
  const sent = fc.array(fc.tuple(fc.constantFrom(...kinds), fc.uint8Array({ maxLength: 300 })), {
    maxLength: 8,
  })
  fc.assert(
    fc.property(sent, fc.array(fc.nat(40)), (frames, cuts) => {
      const stream = Buffer.concat(frames.map(([kind, content]) => frame(kind, content)))
      const reader = new FrameReader()
      const pieces = [...cuts.map((length) => length + 1), stream.length]
      let at = 0
      const read = pieces.flatMap((length) => {
        const piece = stream.subarray(at, at + length)
        at += length
        return reader.push(piece)
      })
      expect(read.map(({ kind, content }) => [kind, [...content]])).toEqual(
        frames.map(([kind, content]) => [kind, [...content]]),
      )
    }),
  )
})

test('a frame that is too long is refused before it is collected', () => {
  const header = new Uint8Array(5)
  new DataView(header.buffer).setUint32(1, LONGEST_FRAME + 1)
  expect(() => new FrameReader().push(header)).toThrow('too long')
})

test('numbers of a frame', () => {
  const [read] = new FrameReader().push(numbersFrame(FROM_CALLER.size, 16, [80, 65535]))
  expect([0, 1, 2].map((at) => numberIn(read?.content ?? new Uint8Array(), 16, at))).toEqual([80, 65535, 0])
})
