import { describe, expect, test } from 'bun:test'
import { modelIn } from '../../../src/domain/text/ai-model.ts'

const LLAMA = 'meta-llama/Llama-3.1-8B-Instruct'

describe('the model that a command line names', () => {
  test.each([
    [`vllm serve ${LLAMA} --port 8000`, LLAMA],
    [`/usr/bin/python3 /opt/venv/bin/vllm serve ${LLAMA}`, LLAMA],
    [`vllm serve --model ${LLAMA}`, LLAMA],
    [`python3 -m vllm.entrypoints.openai.api_server --model ${LLAMA} --tensor-parallel-size 2`, LLAMA],
    [`python3 -m vllm.entrypoints.openai.api_server --model=${LLAMA}`, LLAMA],
    [`python3 -m sglang.launch_server --model-path ${LLAMA}`, LLAMA],
    [`text-generation-launcher --model-id ${LLAMA}`, LLAMA],
    [`torchrun --nproc_per_node 8 train.py --model_name_or_path ${LLAMA}`, LLAMA],
    ['ollama run llama3.1:8b', 'llama3.1:8b'],
    ['llama-server -m /models/q4.gguf -ngl 99', '/models/q4.gguf'],
    ['llama-server -hf ggml-org/gemma-3-1b-it-GGUF', 'ggml-org/gemma-3-1b-it-GGUF'],
    [`trtllm-serve ${LLAMA} --port 8000`, LLAMA],
    [`sh -c vllm serve ${LLAMA}`, LLAMA],
    [`lm_eval --model hf --model_args pretrained=${LLAMA},dtype=auto --tasks hellaswag`, LLAMA],
    [`python3 -m lm_eval --model vllm --model_args=dtype=auto,pretrained=${LLAMA}`, LLAMA],
    [`lm-eval -m local -a model=${LLAMA},base_url=http://localhost`, LLAMA],
  ])('%s', (command, model) => {
    expect(modelIn(command)).toBe(model)
  })

  test.each([
    'python3 train.py --epochs 3',
    'python3 -m http.server',
    'vllm serve --port 8000',
    'vllm bench throughput',
    'python3 train.py --model',
    'python3 train.py --model=',
    'python3 train.py --model --verbose',
    'python3 train.py --modelling x',
    '',
  ])('%s names none', (command) => {
    expect(modelIn(command)).toBeUndefined()
  })
})
