#!/usr/bin/env bash
# A SLURM of one node for tests, without systemd and without cgroups: munge, controller and node daemon, run as root.
#
#   ci/slurm.sh install   the packages, with apt-get (Debian, Ubuntu)
#   ci/slurm.sh start     start it and print the line that lets a shell find it: eval "$(ci/slurm.sh start)"
#   ci/slurm.sh status    what it says of itself; exit code 1 when it does not answer
#   ci/slurm.sh stop      cancel its jobs, stop it and remove its folder
#
# Two partitions on the same processors: `harness`, the default, whose jobs have to go, with a minute's notice, when a job of
# `urgent` needs their place. Nothing is accounted, so that `sacct` does not work, as on some clusters.
set -euo pipefail

folder=${HARNESS_SLURM_FOLDER:-/run/harness-slurm}
export SLURM_CONF=$folder/slurm.conf
command=${1:-help}

say() { echo "ci/slurm.sh: $*" >&2; }
fail() { say "$*"; exit 1; }

need_root() { [ "$(id -u)" = 0 ] || fail "needs root, since its daemons start jobs for other users; run it with sudo."; }

# Without its configuration sinfo waits for one.
answers() { [ -e "$SLURM_CONF" ] && timeout 10 sinfo --noheader > /dev/null 2>&1; }

# An idle node has taken every job that could start: `up` alone says that the controller answers.
ready() { [[ $(timeout 10 sinfo --noheader --partition harness --format %T 2> /dev/null) =~ ^(idle|mixed|allocated)$ ]]; }

install_packages() {
    need_root
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # The packages would start daemons of their own, which need a configuration that is not there.
    RUNLEVEL=1 apt-get install -qq -y --no-install-recommends slurm-wlm munge > /dev/null
}

write_configuration() {
    local cpus memory host
    cpus=$(nproc)
    memory=$(awk '/MemTotal/ { print int($2 / 1024 * 0.9) }' /proc/meminfo)
    host=$(hostname -s)
    mkdir -p "$folder"/{state,spool,log}
    cat > "$SLURM_CONF" << CONF
ClusterName=harness
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthInfo=socket=$folder/munge/socket
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.log

# What a container without systemd has.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none

SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=$((memory / cpus))
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1

# Short waits everywhere: jobs start, end and are forgotten within seconds.
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1
KillWait=5
MinJobAge=10
OverTimeLimit=0
ReturnToService=2
SlurmctldTimeout=30
SlurmdTimeout=300

NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=$memory State=UNKNOWN
PartitionName=harness Nodes=$host Default=YES State=UP PriorityTier=1 PreemptMode=REQUEUE GraceTime=60
PartitionName=urgent Nodes=$host State=UP PriorityTier=2 PreemptMode=OFF
CONF
}

start_munge() {
    # munged insists on a user of its own for everything it reads and writes.
    local user=root
    if getent passwd munge > /dev/null; then user=munge; fi
    mkdir -p "$folder/munge"
    (umask 077 && head -c 1024 /dev/urandom > "$folder/munge/key")
    chown -R "$user" "$folder/munge"
    chmod 755 "$folder/munge"
    runuser -u "$user" -- munged --key-file="$folder/munge/key" --socket="$folder/munge/socket" \
        --pid-file="$folder/munge/munged.pid" --log-file="$folder/munge/munged.log" --seed-file="$folder/munge/seed"
}

start() {
    need_root
    for tool in munged slurmctld slurmd sbatch; do
        command -v "$tool" > /dev/null || fail "finds no $tool: call 'ci/slurm.sh install' first."
    done
    if answers; then
        say "runs already."
        echo "export SLURM_CONF=$SLURM_CONF"
        return
    fi
    if [ -e "$folder" ]; then stop; fi  # what a power cut left
    mkdir -p "$folder"
    chmod 755 "$folder"
    write_configuration
    start_munge
    slurmctld
    slurmd
    for _ in $(seq 100); do
        if ready; then
            echo "export SLURM_CONF=$SLURM_CONF"
            return
        fi
        sleep 0.2
    done
    tail -n 20 "$folder"/log/*.log >&2
    fail "the node does not come up; its last words stand above."
}

# End the process that a file names, and wait until it is gone.
end() {
    local pid
    pid=$(cat "$1" 2> /dev/null) || return 0
    kill "$pid" 2> /dev/null || return 0
    for _ in $(seq 100); do
        kill -0 "$pid" 2> /dev/null || return 0
        sleep 0.1
    done
    kill -KILL "$pid" 2> /dev/null || true
}

stop() {
    need_root
    if [ ! -e "$SLURM_CONF" ]; then
        say "does not run."
        return
    fi
    if answers; then
        scancel --quiet --user=root || true
        for _ in $(seq 100); do
            [ -n "$(squeue --noheader 2> /dev/null)" ] || break
            sleep 0.2
        done
    fi
    end "$folder/slurmd.pid"
    end "$folder/slurmctld.pid"
    end "$folder/munge/munged.pid"
    rm -rf "$folder"
}

case $command in
    install) install_packages ;;
    start) start ;;
    stop) stop ;;
    status)
        answers || fail "does not answer."
        sinfo
        squeue
        ;;
    *) fail "wants one of: install, start, status, stop." ;;
esac
