import { expect, test } from 'bun:test'
import { dropperIn } from '../../../src/domain/text/lost-variables.ts'

const losesVariables = (line: string) => dropperIn(line.split(' ')) !== undefined

test.each([
  'sudo python train.py',
  '/usr/bin/sudo -u ann python',
  'sudo -H -- python -E',
  'doas python',
  'su - ann -c train',
  'su -l ann',
  'su --login',
  'su -lc train ann',
  'tmux new-session train',
  'tmux',
  'screen -dmS job train',
  'ssh box nvidia-smi',
])('a warning for: %s', (line) => {
  expect(losesVariables(line)).toBe(true)
})

test.each([
  'python sudo',
  'sudo -E python',
  'sudo -nE python',
  'sudo -u ann -E python',
  'sudo --preserve-env python',
  'sudo --preserve-env=CUDA_VISIBLE_DEVICES python',
  'su ann -c train',
  'su -m ann',
  './sudoku',
  'bash -c sudo',
])('no warning for: %s', (line) => {
  expect(losesVariables(line)).toBe(false)
})
