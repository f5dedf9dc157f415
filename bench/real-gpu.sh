#!/usr/bin/env bash
# Measures canhazgpu and the driver on a machine with NVIDIA GPUs, with and without a daemon, in about four
# minutes. Changes no GPU setting.
#
#   sudo bash bench/real-gpu.sh EXECUTABLE FOLDER
#
# EXECUTABLE is dist/canhazgpu, or a .gz or .xz of it. FOLDER receives report.txt and the raw outputs of the driver.
# IDLE_S: how long the daemon is left alone, 120 s by default.
# Needs root (it runs programs as two uids without accounts), python3 and the driver. Uses torch if it is installed.
set -u
exe=${1:?usage: real-gpu.sh EXECUTABLE FOLDER} out=${2:?usage: real-gpu.sh EXECUTABLE FOLDER}
here=$(cd "$(dirname "$0")" && pwd)
[ "$(id -u)" = 0 ] || { echo 'real-gpu.sh needs root' >&2; exit 2; }
mkdir -p "$out" && out=$(cd "$out" && pwd)
T=$(mktemp -d) && chmod 755 "$T"
cp -r "$here/real-gpu" "$T/py" && chmod -R a+rX "$T/py"
case $exe in
  *.xz) python3 -c 'import lzma,shutil,sys; shutil.copyfileobj(lzma.open(sys.argv[1]), open(sys.argv[2],"wb"))' "$exe" "$T/canhazgpu" ;;
  *.gz) python3 -c 'import gzip,shutil,sys; shutil.copyfileobj(gzip.open(sys.argv[1]), open(sys.argv[2],"wb"))' "$exe" "$T/canhazgpu" ;;
  *) cp -L "$exe" "$T/canhazgpu" ;;
esac
chmod 755 "$T/canhazgpu"
CHG=$T/canhazgpu PY=$T/py ALICE=61501 BOB=61502 LIMIT=260 IDLE_S=${IDLE_S:-120}
unset CUDA_VISIBLE_DEVICES
# Other users cannot run a python that is installed in root's home.
setpriv --reuid $ALICE --regid $ALICE --clear-groups python3 -c '' 2>/dev/null || PATH=/usr/bin:/bin:$PATH
EMBEDDED=sqlite://$T/pool/pool.db DAEMON=unix://$T/socket/daemon.sock
export NO_COLOR=1 CANHAZGPU_STORE=$EMBEDDED HOME=$T
started=()
cleanup() {
  local pid
  for pid in "${started[@]:-}"; do [ -n "$pid" ] && kill -9 "$pid" 2>/dev/null; done
  rm -rf "$T"
}
trap cleanup EXIT

print() { printf '%s\n' "$*"; }
title() { printf '\n== %s  [%s s]\n' "$*" "$SECONDS"; }
enough() { [ "$SECONDS" -lt "$LIMIT" ] || { print "skipped: $* (out of time)"; return 1; }; }
chg() { timeout 30 "$CHG" "$@" 2>&1; print "   (exit $?)"; }
as() { local uid=$1; shift; setpriv --reuid "$uid" --regid "$uid" --clear-groups env HOME=/tmp "$@"; }
# Sets $pid to the pid of the program itself: exec replaces the subshell.
start() { local uid=$1 file=$2; shift 2; (exec setpriv --reuid "$uid" --regid "$uid" --clear-groups env HOME=/tmp "$@") >"$file" 2>&1 </dev/null & pid=$!; started+=("$pid"); }
ready() { local i; for i in $(seq 1 "${2:-200}"); do grep -qi "$3" "$1" 2>/dev/null && return 0; sleep 0.1; done; print "no '$3' in $1:"; cat "$1"; return 1; }
stop() { kill -9 "$1" 2>/dev/null; wait "$1" 2>/dev/null; }
idle() { local i; for i in $(seq 1 100); do as $BOB "$CHG" status 2>/dev/null | grep -q 'GPU 0: AVAILABLE' && return 0; sleep 0.1; done; print 'GPU 0 does not become available:'; chg status; return 1; }
between() { awk -v a="$1" -v b="$2" '$1 >= a - 0.1 && $1 <= b' "$out/watch.txt"; }

machine() {
  title 'the machine'
  uname -r; nproc; nvidia-smi -L; cat /proc/driver/nvidia/version 2>/dev/null
  ls -l /dev/nvidia* 2>/dev/null
  grep MemTotal /proc/meminfo
  for pair in 'smi.txt ' 'q.txt -q' 'q.xml -q -x' 'help-query-gpu.txt --help-query-gpu' 'topo.txt topo -m'; do
    timeout 20 nvidia-smi ${pair#* } >"$out/${pair%% *}" 2>&1
  done
  grep -in 'recovery' "$out/help-query-gpu.txt" "$out/q.txt"
  raw idle
}

raw() {
  local f='--format=csv,noheader,nounits'
  {
    nvidia-smi --query-gpu=index,pci.bus_id,uuid,memory.used,memory.total,utilization.gpu,temperature.gpu,power.draw,mig.mode.current,gpu_recovery_action,name $f; print "(exit $?)"
    nvidia-smi --query-compute-apps=gpu_uuid,pid,used_memory,process_name $f; print "(exit $?)"
    nvidia-smi --query-gpu=index,no_such_field $f; print "(exit $?)"
    timeout 20 python3 "$PY/nvml.py" lists
  } >"$out/raw-$1.txt" 2>&1
  print "raw outputs ($1):"; head -6 "$out/raw-$1.txt"
}

detection() {
  title 'detection and readings, compared with nvidia-smi'
  chg admin --gpus "$(nvidia-smi -L | grep -c '^GPU')"
  chg status
  "$CHG" status --json >"$out/status.json"
  CANHAZGPU_STORE=sqlite://$T/smi/pool.db "$CHG" admin --gpus 1 --provider nvidia-smi
  CANHAZGPU_STORE=sqlite://$T/smi/pool.db "$CHG" status --json >"$out/status-nvidia-smi.json"
  nvidia-smi --query-gpu=memory.used,memory.total,utilization.gpu,temperature.gpu,power.draw,name --format=csv,noheader,nounits
  python3 - "$out/status.json" "$out/status-nvidia-smi.json" <<'PY'
import json, sys
for path in sys.argv[1:]:
    for gpu in json.load(open(path)):
        print(path.rsplit('/')[-1], {key: gpu.get(key) for key in ('gpu_id', 'status', 'gpu_model', 'memory_used_mb', 'memory_total_mb', 'utilization_percent', 'temperature_c', 'power_w', 'error')})
PY
}

timings() {
  title 'whole processes, wall clock, ms (median of 20)'
  local t="python3 $PY/timing.py 20"
  $t 'canhazgpu --version' "$CHG" --version
  $t 'canhazgpu status' "$CHG" status
  $t 'canhazgpu run -- true' "$CHG" run -- true
  $t 'canhazgpu __probe nvml' "$CHG" __probe nvml libnvidia-ml.so.1
  $t 'canhazgpu status (provider nvidia-smi)' env "CANHAZGPU_STORE=sqlite://$T/smi/pool.db" "$CHG" status
  $t 'nvidia-smi' nvidia-smi
  $t 'nvidia-smi --query-gpu=index,memory.used' nvidia-smi --query-gpu=index,memory.used --format=csv
  $t 'nvidia-smi --query-gpu=gpu_recovery_action' nvidia-smi --query-gpu=gpu_recovery_action --format=csv
  $t 'nvidia-smi --query-gpu=(all fields of canhazgpu)' nvidia-smi --query-gpu=index,pci.bus_id,uuid,memory.used,memory.total,utilization.gpu,temperature.gpu,power.draw,mig.mode.current,gpu_recovery_action,name --format=csv,noheader,nounits
  $t 'nvidia-smi --query-gpu=no_such_field' nvidia-smi --query-gpu=index,no_such_field --format=csv
  $t 'nvidia-smi --query-compute-apps' nvidia-smi --query-compute-apps=gpu_uuid,pid,used_memory,process_name --format=csv
  title 'the steps of a probe, ms (median of 10 fresh processes each)'
  python3 - "$PY/nvml.py" <<'PY'
import json, statistics, subprocess, sys
def run(flags):
    done = subprocess.run(['python3', sys.argv[1], 'steps', *flags], capture_output=True, text=True, timeout=30)
    if done.returncode != 0: sys.exit(done.stderr)
    return json.loads(done.stdout)
for flags in ([], ['0'], ['1'], ['2']):
    runs = [run(flags) for _ in range(10)]
    rows = [(name, statistics.median(run[i][1] for run in runs)) for i, (name, _) in enumerate(runs[0])]
    shown = rows if not flags else rows[:3]
    for name, ms in shown: print(f'{name:32} {ms:8.3f}')
    print(f'{"all":32} {sum(ms for _, ms in rows):8.3f}\n')
PY
  if command -v strace >/dev/null; then
    timeout 20 strace -f -ttt -T -e trace=openat,open,ioctl,write,exit_group -o "$out/strace-probe.txt" "$CHG" __probe nvml libnvidia-ml.so.1 >/dev/null 2>&1
    python3 "$PY/strace.py" "$out/strace-probe.txt"
    timeout 20 strace -f -ttt -T -e trace=openat,open,ioctl,write,exit_group -o "$out/strace-smi.txt" nvidia-smi --query-gpu=index,memory.used --format=csv >/dev/null 2>&1
    print 'nvidia-smi --query-gpu:'; python3 "$PY/strace.py" "$out/strace-smi.txt"
  fi
}

holder() {
  title "run with a CUDA process of the holder ($MODE)"
  local how=''
  as $ALICE timeout 30 python3 -c 'import torch' 2>/dev/null && how=torch
  print "${how:-without torch}"
  start $ALICE "$T/holder.txt" "$CHG" run -- python3 "$PY/cuda.py" 3000 60 $how
  ready "$T/holder.txt" 400 ready || { stop "$pid"; return; }
  chg status; raw busy
  "$CHG" status --json >"$out/status-busy.json"
  CANHAZGPU_STORE=sqlite://$T/smi/pool.db "$CHG" status
  print 'bob requests the GPU:'; as $BOB "$CHG" run --gpu-ids 0 -- true; print "   (exit $?)"
  stop "$pid"; idle
}

squatter() {
  title "unreserved use: others are refused, and its user can claim the GPU ($MODE)"
  start $ALICE "$T/squat.txt" python3 "$PY/cuda.py" 20 60
  ready "$T/squat.txt" 200 ready || { stop "$pid"; return; }
  print '(20 MB and a CUDA context)'; chg status
  print 'bob runs:'; as $BOB "$CHG" run --gpu-ids 0 -- true; print "   (exit $?)"
  print 'bob claims:'; as $BOB "$CHG" reserve --claim; print "   (exit $?)"
  print 'alice claims:'; as $ALICE "$CHG" reserve --claim --gpu-ids 0; print "   (exit $?)"
  chg status
  as $ALICE "$CHG" release; stop "$pid"; idle
}

# Kills the process $1, whose parent is $2, while Bob waits for GPU 0. Prints when it has ended, when Bob's program starts,
# and the driver's readings.
takeover() {
  local victim=$1 parent=$2 waiter killed ended started
  start $BOB "$T/second.txt" "$CHG" run --gpu-ids 0 --wait 30s -- bash -c 'printf "%s started\n" "$EPOCHREALTIME"; exec "$@"' bash python3 "$PY/cuda.py" 100 2; waiter=$pid
  ready "$T/second.txt" 100 'position\|wait'
  chg queue
  killed=$EPOCHREALTIME; kill -9 "$victim"; wait "$parent"; ended=$EPOCHREALTIME
  ready "$T/second.txt" 350 done
  cat "$T/second.txt"; started=$(awk '/started/ {print $1}' "$T/second.txt")
  awk -v a="$killed" -v b="$ended" -v c="$started" 'BEGIN {printf "killed at %s; it ended after %.1f ms; the next program started after %.1f ms\n", a, (b - a) * 1000, (c - a) * 1000}'
  print 'memory, processes and load as the driver reported them:'; between "$killed" "$EPOCHREALTIME" | head -20
  stop "$waiter"; idle
}

handoff() {
  title "kill -9 of a CUDA process while a waiter needs its GPU ($MODE)"
  start $ALICE "$T/first.txt" "$CHG" run --gpu-ids 0 -- python3 "$PY/cuda.py" 20000 100
  ready "$T/first.txt" 200 ready && takeover "$pid" "$pid" || stop "$pid"
}

kernel() {
  title "kill -9 of a process in the middle of its kernel ($MODE)"
  start $ALICE "$T/spin.txt" "$CHG" run --gpu-ids 0 -- python3 "$PY/cuda.py" 1000 40 spin
  ready "$T/spin.txt" 200 ready || { stop "$pid"; return; }
  sleep 1; chg status
  takeover "$pid" "$pid"; raw "after-kill-${MODE// /-}"
}

# Its own supervisor ends with the namespace, so without a daemon nobody sees the end at once.
namespacedJob() {
  title "kill -9 of a job in a pid namespace ($MODE)"
  (exec unshare --pid --fork --mount-proc setpriv --reuid $ALICE --regid $ALICE --clear-groups "$CHG" run --gpu-ids 0 -- python3 "$PY/cuda.py" 500 60) >"$T/inside.txt" 2>&1 </dev/null & pid=$!; started+=("$pid")
  local outer=$pid
  ready "$T/inside.txt" 200 ready || { stop "$outer"; return; }
  cat "$T/inside.txt"; chg status
  takeover "$(cat "/proc/$outer/task/$outer/children")" "$outer"
}

namespaces() {
  title 'a process in a pid namespace'
  (exec unshare --pid --fork --mount-proc python3 "$PY/cuda.py" 500 60) >"$T/ns.txt" 2>&1 </dev/null & pid=$!; started+=("$pid")
  ready "$T/ns.txt" 200 ready || { stop "$pid"; return; }
  cat "$T/ns.txt"; print 'from the host:'; chg status
  print 'from another pid namespace:'
  unshare --pid --fork --mount-proc "$CHG" status
  unshare --pid --fork --mount-proc "$CHG" reserve --claim; print "   (exit $?)"
  # The signal kills unshare, and its child exits with the namespace.
  local child; child=$(cat "/proc/$pid/task/$pid/children" 2>/dev/null)
  [ -n "$child" ] && kill -9 $child 2>/dev/null
  stop "$pid"; "$CHG" release; idle
}

devices() {
  title 'how CUDA numbers the GPUs if a device node is denied (in a mount namespace)'
  as $ALICE python3 "$PY/cuda.py" devices
  : >"$T/denied"; chmod 000 "$T/denied"
  unshare -m setpriv --version >/dev/null 2>&1 || { print 'no mount namespaces here'; return; }
  unshare -m bash -c "mount --bind '$T/denied' /dev/nvidia0 && exec setpriv --reuid $ALICE --regid $ALICE --clear-groups timeout 20 python3 '$PY/cuda.py' devices"
  print "   (exit $?)"
  unshare -m bash -c "mount --bind '$T/denied' /dev/nvidia0 && exec setpriv --reuid $ALICE --regid $ALICE --clear-groups env HOME=/tmp timeout 20 '$CHG' status"
  print "   (exit $?)"
}

replaced() {
  title 'admin --check, and GPUs that look replaced'
  chg admin --show; chg admin --check
  python3 - "$T/pool/pool.db" <<'PY'
import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
pool = json.loads(db.execute('SELECT document FROM pool').fetchone()[0])
pool.pop('checksum')
for unit in pool['units']: unit['device']['uuid'] = 'GPU-00000000-0000-0000-0000-00000000000%s' % unit['id']
db.execute('UPDATE pool SET document = ?', [json.dumps(pool)])
db.commit()
PY
  "$CHG" status; "$CHG" run -- true; print "   (exit $?)"
  chg admin --check; chg admin --refresh; chg status; chg admin --check
}

limit() {
  title "a time limit ends a CUDA process while its kernel runs ($MODE)"
  as $ALICE "$CHG" run --timeout 4s --grace 2s -- python3 "$PY/cuda.py" 100 60 spin; print "   (exit $?)"
  idle
}

# The daemon starts before the other sections, so it keeps NVML open for minutes.
service() {
  title 'a daemon starts'
  mkdir "$T/socket"
  start 0 "$T/daemon.txt" env -i "$CHG" daemon --socket "$T/socket/daemon.sock" --pool "$T/served/pool.db"; daemon=$pid
  ready "$T/daemon.txt" 100 Listening || return 1
  CANHAZGPU_STORE=$DAEMON chg admin --gpus "$(nvidia-smi -L | grep -c '^GPU')"
  CANHAZGPU_STORE=$DAEMON chg status
  usage
}

# Memory and processor time of the daemon and its child, and what they have open.
usage() {
  local one
  for one in "$daemon" $(cat "/proc/$daemon/task/"*/children 2>/dev/null); do
    print "$(tr '\0' ' ' <"/proc/$one/cmdline" | cut -c1-60): $(awk '/VmRSS|RssAnon|Threads/ {printf "%s %s ", $1, $2}' "/proc/$one/status") ticks of 10 ms: $(awk '{print $14 + $15}' "/proc/$one/stat"), started $(($(awk '{print int($1 * 100)}' /proc/uptime) - $(awk '{print $22}' "/proc/$one/stat"))) ticks ago, $(ls -l "/proc/$one/fd" | grep -c nvidia) device files of NVIDIA open"
  done
}

compared() {
  title 'status without a daemon, through it, and nvidia-smi: whole processes in turn, ms'
  local t="python3 $PY/timing.py"
  $t 30 'status' env "CANHAZGPU_STORE=$EMBEDDED" "$CHG" status + 'status, daemon' env "CANHAZGPU_STORE=$DAEMON" "$CHG" status + 'run -- true' env "CANHAZGPU_STORE=$EMBEDDED" "$CHG" run -- true + 'run -- true, daemon' env "CANHAZGPU_STORE=$DAEMON" "$CHG" run -- true + 'canhazgpu --version' "$CHG" --version + 'nvidia-smi' nvidia-smi
  print 'with a pause of 3 s before each, so that the daemon must ask the driver:'
  $t 6/3 'status, daemon' env "CANHAZGPU_STORE=$DAEMON" "$CHG" status
}

alone() {
  title "the daemon without requests for $IDLE_S s"
  usage; sleep "$IDLE_S"; usage
}

main() {
  machine
  detection
  timings
  # One process keeps NVML open from here to the end.
  (exec python3 "$PY/nvml.py" watch "$out/watch.txt") >"$out/watch-errors.txt" 2>&1 </dev/null & watcher=$!; started+=("$watcher")
  service || return
  compared
  local section
  MODE='without a daemon'
  for section in holder squatter handoff kernel limit namespaces devices replaced; do enough "$section" && "$section"; done
  MODE='through the daemon' CANHAZGPU_STORE=$DAEMON
  for section in holder squatter handoff kernel limit namespacedJob; do enough "$section" && "$section"; done
  title 'doctor'
  chg doctor; chg doctor --capture "$out/capture"; tar -C "$out" -czf "$out/capture.tar.gz" capture && rm -r "$out/capture"
  title 'the processes that kept NVML open during these sections'
  alone; compared; cat "$T/daemon.txt"
  kill -0 "$watcher" && print "still answers: $(wc -l <"$out/watch.txt") changes seen, $(awk '/VmRSS/ {print $2, $3}' "/proc/$watcher/status")"
  stop "$watcher"; chg status; chg report; CANHAZGPU_STORE=$EMBEDDED chg report
  kill "$daemon"; wait "$daemon"; print "the daemon ended with $?"
  title 'done'
}
main >"$out/report.txt" 2>&1
cat "$out/report.txt"
