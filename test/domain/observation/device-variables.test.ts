import { expect, test } from 'bun:test'
import { deviceVariables } from '../../../src/domain/observation/device-variables.ts'
import { PROVIDERS } from '../../../src/domain/pool/model.ts'

test.each(['nvml', 'nvidia-smi', 'fake'] as const)(
  '%s: CUDA and containers see the same GPUs',
  (provider) => {
    expect(deviceVariables(provider, ['0', '3'], 'abc')).toEqual({
      CUDA_VISIBLE_DEVICES: '0,3',
      CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
      NVIDIA_VISIBLE_DEVICES: '0,3',
      CANHAZGPU_RESERVATION: 'abc',
    })
  },
)

test('amd-smi: ROCR_VISIBLE_DEVICES does not hide GPUs a second time', () => {
  expect(deviceVariables('amd-smi', ['2', '5'], 'abc')).toEqual({
    CUDA_VISIBLE_DEVICES: '2,5',
    HIP_VISIBLE_DEVICES: '2,5',
    ROCR_VISIBLE_DEVICES: null,
    CANHAZGPU_RESERVATION: 'abc',
  })
})

test('every provider sets the variable of the reservation', () => {
  for (const provider of PROVIDERS) {
    expect(deviceVariables(provider, ['0'], 'abc').CANHAZGPU_RESERVATION).toBe('abc')
  }
})
