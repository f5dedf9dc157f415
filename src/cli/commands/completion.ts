import { CanhazgpuError } from '../../domain/errors.ts'
import type { CompletionDocument } from '../../views/schemas/completion.ts'
import { command } from '../command.ts'

const SHELLS = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof SHELLS)[number]

export const completion = command({
  examples: ['source <(canhazgpu completion bash)', 'canhazgpu completion fish | source'],
  operand: {
    name: 'shell',
    placeholder: SHELLS.join('|'),
    kind: { read: readShell, candidates: () => SHELLS },
  },
  options: [],
  handle: async ({ shell }) => SCRIPTS[shell],
  text: (script) => ({ stdout: script }),
  json: (script): CompletionDocument => ({ script }),
})

function readShell(name: string): Shell {
  const shell = SHELLS.find((each) => each === name)
  if (shell !== undefined) return shell
  throw new CanhazgpuError('usage', `No completion for '${name}' - expected one of ${SHELLS.join(', ')}`)
}

/** Each script runs `canhazgpu __complete WORDS…` to get the candidates for the last word. */
const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `_canhazgpu() {
  local words=("\${COMP_WORDS[@]:1:COMP_CWORD}") i
  for ((i = 0; i < \${#words[@]} - 1; i++)); do
    if [[ \${words[i]} == -- ]]; then
      # The words after -- are another command line.
      if declare -F _comp_command_offset >/dev/null; then _comp_command_offset $((i + 2))
      elif declare -F _command_offset >/dev/null; then _command_offset $((i + 2))
      else COMPREPLY=($(compgen -A command -A file -- "\${COMP_WORDS[COMP_CWORD]}"))
      fi
      return
    fi
  done
  local IFS=$'\\n'
  COMPREPLY=($(canhazgpu __complete "\${words[@]}" 2>/dev/null))
  # bash does not quote a candidate with a space.
  COMPREPLY=("\${COMPREPLY[@]// /\\\\ }")
}
complete -o default -F _canhazgpu canhazgpu chg
`,
  zsh: `#compdef canhazgpu chg
_canhazgpu() {
  local dashes=\${words[(i)--]}
  if (( dashes < CURRENT )); then
    shift $dashes words
    (( CURRENT -= dashes ))
    _normal
    return
  fi
  local -a candidates
  candidates=("\${(@f)$(canhazgpu __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  (( \${#candidates[1]} )) && compadd -a candidates
}
# A file in $fpath is itself the function when it is first called.
if [[ \${funcstack[1]} == _canhazgpu ]]; then _canhazgpu "$@"; else compdef _canhazgpu canhazgpu chg; fi
`,
  fish: `function __canhazgpu_complete
  set -l words (commandline -opc) (commandline -ct)
  canhazgpu __complete $words[2..-1] 2>/dev/null
end
function __canhazgpu_command
  # The words after -- are another command line.
  set -l before (commandline -opc)
  set -l dashes (contains -i -- -- $before)
  set -l line ''
  for word in $before[(math $dashes + 1)..-1]
    set line $line(string escape -- $word)' '
  end
  complete -C $line(commandline -ct)
end
for name in canhazgpu chg
  complete -c $name -f -n 'not contains -- -- (commandline -opc)' -a '(__canhazgpu_complete)'
  complete -c $name -f -n 'contains -- -- (commandline -opc)' -a '(__canhazgpu_command)'
end
`,
}
