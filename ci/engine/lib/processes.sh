# shellcheck shell=bash
# Daemons that outlive the script that starts them. A pid does not identify a daemon: the kernel reuses it, and a killed daemon
# whose parent does not wait for it keeps its pid as a zombie. $STATE/run/NAME.pid therefore holds "pid start-time boot-id", and a
# zombie counts as ended.

BOOT=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null || true)

# start_time PID : when the process started, in clock ticks since boot; prints nothing if it has ended.
start_time() {
    local fields
    # Field 2 is the name in parentheses, which may hold any character. After it come the state (field 3) and the start time (22):
    # https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    fields=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    read -ra fields <<<"${fields##*) }"
    [[ ${fields[0]} == [ZX] ]] || printf '%s\n' "${fields[19]}"
}

# write_pid_file NAME PID
write_pid_file() { printf '%s %s %s\n' "$2" "$(start_time "$2")" "$BOOT" >"$STATE/run/$1.pid"; }

# is_running NAME
is_running() {
    local pid since boot
    [[ -f $STATE/run/$1.pid ]] && read -r pid since boot <"$STATE/run/$1.pid" || return 1
    [[ $boot == "$BOOT" && -n $since && $(start_time "$pid") == "$since" ]]
}

# start_daemon NAME COMMAND... : starts COMMAND in a session of its own, with its output in a log. Closes descriptor 9, because a
# daemon that inherited it would keep the lock of lock_state.
start_daemon() {
    local name=$1
    shift
    rm -f "$STATE/run/$name.pid"
    [[ ! -e $STATE/log/$name ]] || mv -f "$STATE/log/$name" "$STATE/log/$name.before"
    setsid "$@" </dev/null >"$STATE/log/$name" 2>&1 9>&- &
}

# wait_for_pid_file NAME : returns when the daemon that was started last has written its pid file, or has ended.
wait_for_pid_file() { while [[ ! -s $STATE/run/$1.pid && -n $(start_time "$!") ]]; do sleep 0.05; done; }

# wait_until_ready NAME COMMAND... : waits up to 30 s until COMMAND succeeds.
wait_until_ready() {
    local name=$1 log_file=$STATE/log/$1 deadline=$((SECONDS + 30))
    shift
    while ((SECONDS < deadline)); do
        is_running "$name" || die "starting the $name" "$(last_line "$log_file")" "see $log_file"
        "$@" >/dev/null 2>&1 && return
        sleep 0.2
    done
    die "starting the $name" "it did not answer within 30 s" "see $log_file"
}

# stop_daemon NAME : sends SIGTERM, and SIGKILL after 30 s. Returns when the process has ended.
stop_daemon() {
    local name=$1 pid deadline=$((SECONDS + 30))
    if is_running "$name"; then
        read -r pid _ <"$STATE/run/$name.pid"
        kill -TERM "$pid" 2>/dev/null || true
        while is_running "$name" && ((SECONDS < deadline)); do sleep 0.1; done
        if is_running "$name"; then
            log "the $name did not stop within 30 s: killing it"
            kill -KILL "$pid" 2>/dev/null || true
            while is_running "$name"; do sleep 0.1; done
        fi
    fi
    rm -f "$STATE/run/$name.pid"
}
