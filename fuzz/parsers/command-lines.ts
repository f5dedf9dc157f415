import { modelIn } from '../../src/domain/text/ai-model.ts'
import { shortened } from '../../src/domain/text/text.ts'
import type { Parser } from '../parser.ts'
import { checkLine, verify } from '../soundness.ts'

/** Command lines of other users' processes. */
export const commandLines: Parser = {
  name: 'command-lines',
  seeds: [
    '/usr/bin/python3 -m vllm.entrypoints.openai.api_server --model meta-llama/Llama-3-8B --port 8000',
    'vllm serve Qwen/Qwen2.5-7B-Instruct --tensor-parallel-size 2',
    '/opt/bin/ollama run llama3',
    'python\0train.py\0--model_name_or_path=gpt2\0--epochs\u00003',
    'trtllm-serve serve /models/x --host 0.0.0.0',
    '/usr/local/bin/llama-server -m /models/ggml.gguf -ngl 99',
    'python -c import\u0000os;os.system("x")',
  ],
  words: [
    ...[
      'vllm',
      'serve',
      '/vllm',
      'ollama',
      'run',
      'sglang',
      'lmdeploy',
      'chat',
      'trtllm-serve',
      'llama-cli',
      '-m',
      '-hf',
    ],
    ...[
      '--model',
      '--model=',
      '--model-path',
      '--hf-repo',
      '=',
      ' ',
      '\0',
      '\n',
      '/',
      '-',
      'vllm ',
      '--model -',
    ],
  ],
  check(input) {
    const model = modelIn(input)
    if (model === undefined) return
    verify(model !== '' && !/[\s\0]/.test(model), `the model is ${JSON.stringify(model.slice(0, 100))}`)
    verify(input.includes(model), 'the model is not in the input')
    checkLine(shortened(model, 60))
  },
}
