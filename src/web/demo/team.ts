import type { PolicyChange } from '../../domain/policy/change.ts'
import type { Account, Millis } from '../../domain/pool/model.ts'

/** A job that a member of the team runs from time to time. */
export interface Job {
  readonly note?: string
  readonly gpus: number
  /** Absent for a manual reservation. */
  readonly command?: string
  /** The shortest and the longest duration, in minutes. */
  readonly minutes: readonly [number, number]
  /** The used part of the memory of its GPUs, and their utilisation, from 0 to 1. */
  readonly memory: number
  readonly load: number
}

export interface Member {
  readonly account: Account
  /** The name given by `--user`. */
  readonly user?: string
  /** How often this member requests GPUs, compared with the others. */
  readonly requests: number
  readonly jobs: readonly [Job, ...Job[]]
}

const member = (uid: number, name: string, requests: number, ...jobs: [Job, ...Job[]]): Member => ({
  account: { uid, name },
  requests,
  jobs,
})

export const TEAM: readonly [Member, ...Member[]] = [
  member(
    1001,
    'alice',
    5,
    {
      note: 'Llama fine-tune, lr sweep',
      command:
        'torchrun --nproc-per-node 2 finetune.py --model_name_or_path meta-llama/Llama-3.1-70B-Instruct',
      gpus: 2,
      minutes: [60, 600],
      memory: 0.91,
      load: 0.97,
    },
    {
      note: 'smoke test',
      command: 'python train.py --max-steps 20',
      gpus: 1,
      minutes: [1, 4],
      memory: 0.4,
      load: 0.8,
    },
  ),
  member(
    1002,
    'bob',
    4,
    {
      note: 'serving for the eval team',
      command: 'python -m vllm.entrypoints.openai.api_server --model Qwen/Qwen2.5-32B-Instruct',
      gpus: 1,
      minutes: [120, 1200],
      memory: 0.94,
      load: 0.55,
    },
    {
      note: 'eval of checkpoint',
      command: 'python evaluate.py --checkpoint step-12000',
      gpus: 1,
      minutes: [2, 40],
      memory: 0.5,
      load: 0.9,
    },
  ),
  member(
    1003,
    'carol',
    4,
    { note: 'notebook', gpus: 1, minutes: [60, 480], memory: 0.12, load: 0.06 },
    {
      command:
        'python -m diffusers.train --pretrained_model_name_or_path stabilityai/stable-diffusion-xl-base-1.0',
      gpus: 1,
      minutes: [30, 400],
      memory: 0.7,
      load: 0.93,
    },
  ),
  member(1004, 'dmitri', 1, {
    note: 'pre-training, do not touch',
    command: 'torchrun --nproc-per-node 4 pretrain.py',
    gpus: 4,
    minutes: [120, 500],
    memory: 0.97,
    load: 0.99,
  }),
  member(
    1005,
    'emre',
    3,
    { note: 'debugging NCCL', gpus: 1, minutes: [20, 120], memory: 0.05, load: 0.1 },
    { command: 'pytest -m gpu', gpus: 2, minutes: [1, 6], memory: 0.2, load: 0.5 },
  ),
  {
    ...member(1006, 'ci', 4, {
      note: 'nightly',
      command: 'make test-gpu',
      gpus: 1,
      minutes: [1, 12],
      memory: 0.3,
      load: 0.7,
    }),
    user: 'ci-runner',
  },
  member(1007, 'grace', 3, {
    note: 'ablation 7 of 12',
    command: 'python ablate.py --model_name_or_path mistralai/Mistral-7B-v0.3',
    gpus: 1,
    minutes: [45, 500],
    memory: 0.62,
    load: 0.95,
  }),
]

/** A user who uses GPUs without a reservation. */
export const SQUATTER = {
  uid: 1042,
  user: 'frank',
  command: 'python3 -m ipykernel_launcher',
  memoryMb: 11_204,
}

/** A job that already runs when the demo starts. Times are in minutes. */
export interface InitialJob {
  readonly account: string
  /** The index in the member's jobs. */
  readonly job: number
  readonly startedAgo: number
  readonly endsIn: number
}

export const INITIAL_JOBS: readonly InitialJob[] = [
  { account: 'bob', job: 0, startedAgo: 611, endsIn: 240 },
  { account: 'alice', job: 0, startedAgo: 187, endsIn: 95 },
  { account: 'carol', job: 0, startedAgo: 74, endsIn: 23 },
]

const HOUR: Millis = 3_600_000

/** The rules of the made-up pool: one account may have fewer GPUs than the others. No job takes longer than a day. */
export const RULES: readonly PolicyChange[] = [
  { key: 'max-duration', scope: { kind: 'pool' }, value: 24 * HOUR },
  { key: 'default-duration', scope: { kind: 'pool' }, value: 24 * HOUR },
  { key: 'bookings', scope: { kind: 'pool' }, value: 1 },
  { key: 'max-gpus', scope: { kind: 'pool' }, value: 4 },
  { key: 'max-gpus', scope: { kind: 'account', uid: 1006, name: 'ci' }, value: 1 },
]

/** A booking of the demo. It begins later than the longest job that starts with the demo could end. */
export interface DemoBooking {
  readonly account: string
  readonly gpus: number
  readonly note: string
  /** Hours after midnight at the start of the demo. */
  readonly from: number
  readonly hours: number
}

export const BOOKINGS: readonly DemoBooking[] = [
  { account: 'grace', gpus: 1, note: 'demo for the review', from: 57, hours: 3 },
  { account: 'dmitri', gpus: 2, note: 'scaling test', from: 62, hours: 6 },
]
