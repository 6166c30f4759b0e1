# shellcheck shell=bash
# Messages for people. They go to standard error: standard output is for programs, such as the shell that evaluates `client`.

log() { printf '%s  %s\n' "$(date +%H:%M:%S)" "$*" >&2; }

# die STEP CAUSE REMEDY : prints one line and exits with status 1.
die() {
    printf 'error: %s: %s; %s\n' "$1" "$2" "$3" >&2
    exit 1
}

# last_line FILE : the last line of a log that is not blank.
last_line() {
    local line
    line=$(grep -v '^[[:space:]]*$' "$1" 2>/dev/null | tail -n 1)
    printf '%s\n' "${line:-no output}"
}

# step NAME KEY ABOUT WHAT COMMAND... : runs COMMAND unless NAME was last built with KEY. Prints WHAT and the expected time on two
# cores, then the time taken. COMMAND must be a program, not a function: bash ignores `set -e` in a function that is called in a
# condition (https://www.gnu.org/software/bash/manual/html_node/The-Set-Builtin.html).
step() {
    local name=$1 key=$2 about=$3 what=$4 log_file=$STATE/log/$1 start=$SECONDS
    shift 4
    is_current "$name" "$key" && return
    log "$what (about $about)"
    "$@" >"$log_file" 2>&1 || die "$what" "$(last_line "$log_file")" "see $log_file, then run \`make engine\` again"
    record "$name" "$key"
    log "$what: took $((SECONDS - start)) s"
}
