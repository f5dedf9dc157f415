import type { Model } from '../../../domain/diagnosis/finding.ts'
import { shortened } from '../../../domain/text/text.ts'
import { vendorWords } from '../gpu-words.ts'
import { hinted, type WordsByCode } from './finding-words.ts'

export const DRIVER_WORDS = {
  'gpus-shown': (finding) => {
    const version = finding.version === undefined ? '' : ` ${finding.version}`
    return {
      what: `${vendorWords(finding.provider)} driver${version} (${finding.provider}): ${finding.models.map(modelWords).join(', ')}`,
    }
  },
  'gpu-faulty': (finding) => ({
    what: `GPU ${finding.gpu}: ${finding.reason}`,
    remedy: `take it out of service: sudo canhazgpu drain ${finding.gpu} --reason fault`,
  }),
  'driver-failed': (finding) => hinted(finding.reason, finding.hint),
  'driver-half-failed': (finding) =>
    hinted(`Another interface of the driver answers, but not this one: ${finding.reason}`, finding.hint),
  'driver-missing': (finding) =>
    finding.module === undefined
      ? {
          what: 'No GPU driver: neither libnvidia-ml.so.1 nor nvidia-smi nor amd-smi was found',
          remedy:
            'install the driver, or try canhazgpu without one: canhazgpu admin --gpus 8 --provider fake',
        }
      : {
          what: `The kernel module ${finding.module} is loaded, but its library and programs were not found`,
          remedy: 'install the programs of the same driver version (nvidia-utils or amd-smi)',
        },
  'versions-differ': (finding) => ({
    what: `The loaded kernel module is ${finding.module}, and the library is ${finding.library}`,
    remedy: 'sudo reboot, or unload and load the kernel modules',
  }),
  'gpus-simulated': () => ({ what: 'The pool simulates its GPUs, so no driver is needed' }),
  'nodes-usable': (finding) => ({ what: `You may open ${finding.nodes.join(', ')}` }),
  'nodes-absent': () => ({
    what: 'The kernel module of no GPU driver is loaded',
    remedy: 'load it: sudo modprobe nvidia (or amdgpu)',
  }),
  'node-missing': (finding) => ({
    what: `${finding.path} is missing${finding.areOthers ? normalIf(finding.path) : ''}`,
    remedy: finding.path.startsWith('/dev/nvidia')
      ? `create it: sudo nvidia-modprobe -u${nodeNumber(finding.path)}`
      : 'load the driver: sudo modprobe amdgpu',
  }),
  'node-closed': (finding) => ({
    what: `You may not open ${finding.path}, which belongs to the group ${finding.group}`,
    remedy: `add yourself, and log in again: sudo usermod -aG ${finding.group} "$USER"`,
  }),
  'persistence-on': () => ({ what: 'Persistence mode is on' }),
  'persistence-off': (finding) => ({
    what: `Persistence mode is off for GPU ${finding.gpus.join(', ')}: the first command after a pause takes seconds`,
    remedy: 'sudo systemctl enable --now nvidia-persistenced, or sudo nvidia-smi -pm 1',
  }),
  'persistence-unknown': (finding) => ({ what: `Persistence mode is not known: ${finding.reason}` }),
  'persistence-unneeded': () => ({ what: 'There is no NVIDIA driver that has a persistence mode' }),
} satisfies Partial<WordsByCode>

const modelWords = ({ count, name, memoryMb }: Model): string =>
  `${count} × ${shortened(name, 60)}${memoryMb === undefined ? '' : ` (${memoryMb} MB)`}`

const normalIf = (path: string): string =>
  nodeNumber(path) === ''
    ? ', as is normal until a program uses CUDA'
    : ', as is normal in a container with some of the GPUs'

function nodeNumber(path: string): string {
  const number = /\d+$/.exec(path)?.[0]
  return number === undefined ? '' : ` -c ${number}`
}
