import { testRound } from './round.ts'

testRound('a daemon', { daemon: true, killedIn: ({ daemon }) => daemon['killed-in-transaction'] })
