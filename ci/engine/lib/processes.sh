# shellcheck shell=bash
# Daemons that outlive the script, and how to find exactly those again. A pid alone is not enough: it is given to another process
# later, and a killed daemon whose parent never asks for it stays a zombie under its old number. So $STATE/run/NAME.pid holds
# "pid start-time boot", and what has ended but was not collected counts as ended.

BOOT=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null || true)

# started PID : when the process started, in ticks since boot; nothing for one that has ended.
started() {
    local fields
    # Field 2 is the name in parentheses and may hold anything; after it come the state (3) and, 19 fields on, the start (22).
    fields=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    read -ra fields <<<"${fields##*) }"
    [[ ${fields[0]} == [ZX] ]] || printf '%s\n' "${fields[19]}"
}

# remember NAME PID
remember() { printf '%s %s %s\n' "$2" "$(started "$2")" "$BOOT" >"$STATE/run/$1.pid"; }

running() {
    local pid since boot
    [[ -f $STATE/run/$1.pid ]] && read -r pid since boot <"$STATE/run/$1.pid" || return 1
    [[ $boot == "$BOOT" && -n $since && $(started "$pid") == "$since" ]]
}

# spawn NAME COMMAND... : in a session of its own, output to a log, without the lock that the script holds (9).
spawn() {
    local name=$1
    shift
    rm -f "$STATE/run/$name.pid"
    [[ ! -e $STATE/log/$name ]] || mv -f "$STATE/log/$name" "$STATE/log/$name.before"
    setsid "$@" </dev/null >"$STATE/log/$name" 2>&1 9>&- &
}

# await_pid NAME : until the process spawned last has written its own pid file, or has ended.
await_pid() { while [[ ! -s $STATE/run/$1.pid && -n $(started "$!") ]]; do sleep 0.05; done; }

# until_ready NAME COMMAND... : waits at most 30 s for the command to succeed.
until_ready() {
    local name=$1 log=$STATE/log/$1 deadline=$((SECONDS + 30))
    shift
    while ((SECONDS < deadline)); do
        running "$name" || die "starting the $name" "$(last_words "$log")" "see $log"
        "$@" >/dev/null 2>&1 && return
        sleep 0.2
    done
    die "starting the $name" "no answer within 30 s" "see $log"
}

# stop NAME : asks, waits at most 30 s, insists. Returns when the process has ended.
stop() {
    local name=$1 pid deadline=$((SECONDS + 30))
    if running "$name"; then
        read -r pid _ <"$STATE/run/$name.pid"
        kill -TERM "$pid" 2>/dev/null || true
        while running "$name" && ((SECONDS < deadline)); do sleep 0.1; done
        if running "$name"; then
            say "the $name ignored the request to stop for 30 s: ending it"
            kill -KILL "$pid" 2>/dev/null || true
            while running "$name"; do sleep 0.1; done
        fi
    fi
    rm -f "$STATE/run/$name.pid"
}
