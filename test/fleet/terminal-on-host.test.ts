import { expect, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { storedPool } from '../support/database.ts'
import { sharedFleet } from '../support/fleet.ts'
import { child, untilAllFree } from '../support/job.ts'
import { needing } from '../support/needs.ts'
import { CTRL_C, CTRL_Z, openShell, openTerminal, type TestTerminal } from '../support/terminal.ts'
import { until } from '../support/until.ts'

needing('ssh', 'sshd').describe('run --host on a terminal', () => {
  const fleet = sharedFleet(1)

  const shell = (): TestTerminal => openShell(fleet.caller)

  /** A script of this name in the folder of the caller, which is the working folder there too. */
  const script = (name: string, text: string) => writeFileSync(`${fleet.caller.folder}/${name}`, text)

  test('the command has a terminal with the size of ours, and follows it', async () => {
    script(
      'follow',
      "tty; stty size; trap 'stty size; exit 4' WINCH; echo ready; while :; do sleep 0.01; done\n",
    )
    using terminal = shell()
    terminal.resize(91, 33)
    terminal.type('"$CHG" run --host gpu1 -- bash follow; echo "status $?"\n')
    await terminal.see('/dev/pts/')
    await terminal.see('33 91')
    await terminal.see('ready')
    terminal.resize(120, 44)
    await terminal.see('44 120')
    await terminal.see('status 4')
  })

  test('the terminal there has the modes of ours', async () => {
    script('shown', 'stty -a; echo re""ady\n')
    using terminal = shell()
    terminal.type('stty -ixany tostop; "$CHG" run --host gpu1 -- sh shown\n')
    await terminal.see(' tostop')
    await terminal.see('ready')
    // Until then, keys are for the command there.
    await terminal.see('prompt> ')
    terminal.type('stty -tostop; "$CHG" run --host gpu1 -- sh shown\n')
    await terminal.see('-tostop;')
    await terminal.see(' -tostop')
    await terminal.see('ready')
  })

  test('Ctrl-C ends the command there, and our terminal has its modes again', async () => {
    using terminal = shell()
    terminal.type(`stty -g > before; "$CHG" run --host gpu1 -- ${child('forever')}\n`)
    await terminal.see('ready')
    terminal.type(CTRL_C)
    await terminal.see('prompt> ')
    terminal.type('echo "status $?"; stty -g > after; echo do""ne\n')
    await terminal.see('status 130')
    await terminal.see('done')
    const { folder } = fleet.caller
    expect(readFileSync(`${folder}/after`, 'utf8')).toBe(readFileSync(`${folder}/before`, 'utf8'))
    await untilAllFree(fleet.host.pool)
  })

  test('Ctrl-Z and all other keys belong to the programs there', async () => {
    using terminal = shell()
    terminal.type('"$CHG" run --host gpu1 -- env PS1="the""re> " bash --norc --noprofile -i\n')
    await terminal.see('there> ')
    terminal.type(`sh -c 'echo sta""rted; exec sleep 1000'\n`)
    await terminal.see('started')
    terminal.type(CTRL_Z)
    await terminal.see('Stopped')
    await terminal.see('there> ')
    terminal.type('kill %1\n')
    await terminal.see('there> ')
    terminal.type('\n~.\n')
    await terminal.see('~.: command not found')
    terminal.type('exit 9\n')
    await terminal.see('prompt> ')
    terminal.type('echo "status $?"\n')
    await terminal.see('status 9')
  })

  test('what was typed before the start is the input of the command', async () => {
    await fleet.host.pool.chg('reserve')
    using terminal = shell()
    terminal.type('"$CHG" run --host gpu1 --wait -- sh -c "read line; echo got \\$line"\n')
    await until('it waits', () => storedPool(fleet.host.pool).queue.length === 1)
    terminal.type('typed ahead\n')
    await fleet.host.pool.chg('release')
    await terminal.see('got typed ahead')
  })

  test('Ctrl-C while it waits leaves the queue there', async () => {
    await fleet.host.pool.chg('reserve')
    using terminal = shell()
    terminal.type('"$CHG" run --host gpu1 --wait -- true\n')
    await terminal.see('Waiting for 1 GPU')
    terminal.type(CTRL_C)
    await terminal.see('prompt> ')
    terminal.type('echo "status $?"\n')
    await terminal.see('status 130')
    expect(storedPool(fleet.host.pool).queue).toEqual([])
  })

  test('stderr stays separate if it is not the terminal', async () => {
    using terminal = shell()
    terminal.type(
      '"$CHG" run --host gpu1 -- sh -c "tty; tty <&2; echo error >&2" 2> errors; echo "status $?"\n',
    )
    await terminal.see('/dev/pts/')
    await terminal.see('not a tty')
    await terminal.see('status 0')
    expect(readFileSync(`${fleet.caller.folder}/errors`, 'utf8')).toContain('error\n')
  })

  test('in a pipeline the command has no terminal', async () => {
    script('piped', `tty <&1; exec ${child('forever')}\n`)
    using terminal = shell()
    terminal.type('set -o pipefail; "$CHG" run --host gpu1 -- sh piped | cat\n')
    await terminal.see('not a tty')
    await terminal.see('ready')
    terminal.type(CTRL_C)
    await terminal.see('prompt> ')
    await untilAllFree(fleet.host.pool)
  })

  test('in the background it runs, and does not disturb the shell', async () => {
    using terminal = shell()
    terminal.type('"$CHG" run --host gpu1 -- sh -c "tty; sleep 0.1; echo do\'\'ne" &\n')
    await terminal.see('not a tty')
    terminal.type('echo still he""re\n')
    await terminal.see('still here')
    await terminal.see('done')
    terminal.type('wait; echo "status $?"\n')
    await terminal.see('status 0')
  })

  test('a closed terminal is a closed terminal there', async () => {
    const marker = `${fleet.caller.folder}/hung-up`
    script('closed', `trap 'echo gone > ${marker}; exit' HUP; echo ready; while :; do sleep 0.01; done\n`)
    const terminal = openTerminal(fleet.caller, [
      fleet.caller.env.CHG ?? '',
      'run',
      '--host',
      'gpu1',
      '--',
      'sh',
      'closed',
    ])
    await terminal.see('ready')
    terminal.hangUp()
    await until('the command got SIGHUP', () => Bun.file(marker).exists())
    await untilAllFree(fleet.host.pool)
    terminal[Symbol.dispose]()
  })
})
