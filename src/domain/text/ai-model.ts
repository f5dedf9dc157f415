import type { GpuStatus } from '../observation/status.ts'

/** Options that name the model to load: vLLM, SGLang, TGI, Transformers' scripts, llama.cpp and others. */
const MODEL_OPTIONS = [
  '--model',
  '--model-path',
  '--model_path',
  '--model-id',
  '--model_id',
  '--model-name',
  '--model_name',
  '--model-name-or-path',
  '--model_name_or_path',
  '--pretrained_model_name_or_path',
  '--hf-repo',
]

/** Programs that take the model after a verb: `vllm serve NAME`, `ollama run NAME`. */
const SERVERS: readonly { readonly program: RegExp; readonly verbs: readonly string[] }[] = [
  { program: /(^|\/)vllm$/, verbs: ['serve'] },
  { program: /(^|\/)ollama$/, verbs: ['run'] },
  { program: /(^|\/)sglang$/, verbs: ['serve'] },
  { program: /(^|\/)lmdeploy$/, verbs: ['api_server', 'gradio', 'chat'] },
  { program: /(^|\/)mlc_llm$/, verbs: ['serve', 'chat'] },
]

/** Takes the model as its first word, or after a verb. */
const TRT_LLM = /(^|\/)trtllm-serve$/

/** llama.cpp's programs take `-m FILE` or `-hf NAME`. In other command lines `-m` is usually Python's. */
const LLAMA_CPP = /(^|\/)llama-(server|cli|bench|run|perplexity)$/

/** Some command lines contain a whole script. The model is named near the start. */
const LONGEST_COMMAND = 4_096

/** The AI model that a command line names; undefined if there is none. */
export function modelIn(commandLine: string): string | undefined {
  const words = commandLine
    .slice(0, LONGEST_COMMAND)
    .split(/[\s\0]+/)
    .filter((word) => word !== '')
  return byModelArgs(words) ?? byOption(words) ?? byVerb(words) ?? byTrtLlm(words) ?? byLlamaCpp(words)
}

/** The model on this GPU, by the command lines of its processes or of its run. */
export function modelOf(status: GpuStatus): string | undefined {
  const processes = status.use.kind === 'measured' ? status.use.processes : []
  const run =
    status.kind === 'reserved' && status.reservation.term.kind === 'run'
      ? [status.reservation.term.command]
      : []
  const commandLines = [
    ...processes.flatMap(({ command, parents = [] }) => [command ?? '', ...parents]),
    ...run,
  ]
  for (const commandLine of commandLines) {
    const model = modelIn(commandLine)
    if (model !== undefined) return model
  }
  return undefined
}

/** lm_eval names its backend by `--model hf`, and the model by `--model_args pretrained=NAME,dtype=auto`. */
function byModelArgs(words: readonly string[]): string | undefined {
  for (const [index, word] of words.entries()) {
    const [, attached] = /^(?:--model_args|--model-args|-a)(?:=(.*))?$/.exec(word) ?? [null]
    if (attached === null) continue
    const [, model] = /(?:^|,)(?:pretrained|model)=([^,]+)/.exec(attached ?? words[index + 1] ?? '') ?? []
    if (model !== undefined) return model
  }
  return undefined
}

function byOption(words: readonly string[]): string | undefined {
  for (const [index, word] of words.entries()) {
    const [option = '', ...value] = word.split('=')
    if (!MODEL_OPTIONS.includes(option)) continue
    const model = value.length > 0 ? value.join('=') : nameAt(words, index + 1)
    if (model !== undefined && model !== '') return model
  }
  return undefined
}

function byVerb(words: readonly string[]): string | undefined {
  for (const [index, word] of words.entries()) {
    const server = SERVERS.find(({ program }) => program.test(word))
    if (server === undefined) continue
    const verb = words.findIndex((each, place) => place > index && server.verbs.includes(each))
    const model = verb < 0 ? undefined : nameAt(words, verb + 1)
    if (model !== undefined) return model
  }
  return undefined
}

function byTrtLlm(words: readonly string[]): string | undefined {
  const program = words.findIndex((word) => TRT_LLM.test(word))
  if (program < 0) return undefined
  return nameAt(words, words[program + 1] === 'serve' ? program + 2 : program + 1)
}

function byLlamaCpp(words: readonly string[]): string | undefined {
  const program = words.findIndex((word) => LLAMA_CPP.test(word))
  const option = words.findIndex((word, place) => place > program && (word === '-m' || word === '-hf'))
  return program < 0 || option < 0 ? undefined : nameAt(words, option + 1)
}

function nameAt(words: readonly string[], index: number): string | undefined {
  const word = words[index]
  return word === undefined || word.startsWith('-') ? undefined : word
}
