# shellcheck shell=bash
# What a person reads: on standard error, so that standard output stays for what a program reads.

say() { printf '%s  %s\n' "$(date +%H:%M:%S)" "$*" >&2; }

# die STEP CAUSE REMEDY : one line, and the end.
die() {
    printf 'error: %s: %s; %s\n' "$1" "$2" "$3" >&2
    exit 1
}

# last_words FILE : the last line of a log that says something.
last_words() {
    local line
    line=$(grep -v '^[[:space:]]*$' "$1" 2>/dev/null | tail -n 1)
    printf '%s\n' "${line:-no output}"
}

# step NAME KEY ABOUT WHAT COMMAND... : runs a program unless NAME was last made with KEY. Says what it does and about how long
# that takes on two cores, then how long it took. COMMAND is a program, never a function: bash ignores `set -e` in a function
# that is called in a condition.
step() {
    local name=$1 key=$2 about=$3 what=$4 log=$STATE/log/$1 began=$SECONDS
    shift 4
    made "$name" "$key" && return
    say "$what (about $about)"
    "$@" >"$log" 2>&1 || die "$what" "$(last_words "$log")" "see $log, then run it again"
    mark "$name" "$key"
    say "$what: took $((SECONDS - began)) s"
}
