# shellcheck shell=bash
# The state folder: who may use it, and which parts of it are up to date.

# check_state : fails if the folder's name could not be mounted, put in a URL or removed safely.
check_state() {
    local step="using the state folder $STATE"
    [[ $STATE =~ ^(/[A-Za-z0-9._-]+)+$ && $STATE != *..* ]] ||
        die "$step" "the path must be absolute, of letters, digits, dots, dashes and underscores" \
            "set STAGE_ENGINE_STATE to another path"
    [[ ! -L $STATE ]] || die "$step" "it is a symbolic link" "set STAGE_ENGINE_STATE to the folder that it points to"
    # A socket's path is limited to 107 bytes, https://man7.org/linux/man-pages/man7/unix.7.html.
    ((${#SOCKET} < 108)) || die "$step" "the path is too long for the engine's socket" "set STAGE_ENGINE_STATE to a shorter path"
    [[ ! -e $STATE || -e $MARKER || -z $(ls -A "$STATE") ]] ||
        die "$step" "it holds files that this project did not create" "move them away, or set STAGE_ENGINE_STATE to another path"
}

# lock_state : creates the folder if it is missing, and waits until no other script works in it.
lock_state() {
    check_state
    [[ $EUID == 0 ]] || die "setting up the engine" "it needs root to run containers" "run as root, or install Docker and the dagger CLI"
    umask 022
    mkdir -p "$STATE"/{bin,cache,cni,images,keys,libexec,log,run}
    [[ -e $MARKER ]] || printf 'Created by %s; run "make clean" there to remove this folder.\n' "$PROJECT" >"$MARKER"
    exec 9>"$STATE/lock"
    flock --nonblock 9 && return
    log "waiting for another script that uses $STATE"
    flock 9
}

# key FILE-OR-TEXT... : a short hash. Files and folders count by their content, other arguments by their text.
key() {
    local item
    for item in "$@"; do
        if [[ -e $item ]]; then
            (cd -- "$(dirname -- "$item")" && find "$(basename -- "$item")" -type f -exec sha256sum {} + | LC_ALL=C sort -k2)
        else
            printf '%s\n' "$item"
        fi
    done | sha256sum | cut -c1-16
}

# machine_key : the key of the settings that images take from this machine. Certificates and proxies can differ after a restart.
machine_key() {
    local name values=()
    for name in "${MACHINE_VARIABLES[@]}"; do values+=("$name=${!name-}"); done
    key /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/apt.conf.d /usr/local/share/ca-certificates /etc/pip.conf "${values[@]}"
}

# is_current NAME KEY : succeeds if NAME was last built with KEY.
is_current() { [[ -f $STATE/keys/$1 && $(<"$STATE/keys/$1") == "$2" ]]; }

# record NAME KEY : stores the key that NAME was built with.
record() { printf '%s\n' "$2" >"$STATE/keys/$1"; }
