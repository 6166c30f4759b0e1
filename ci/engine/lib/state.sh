# shellcheck shell=bash
# The state folder: whose it is, and what in it is still up to date.

# check_state : refuses names that could not be mounted, put in a URL or removed safely.
check_state() {
    local step="the state folder $STATE" remedy="name another in STAGE_ENGINE_STATE"
    [[ $STATE =~ ^(/[A-Za-z0-9._-]+)+$ && $STATE != *..* ]] ||
        die "$step" "not an absolute path of letters, digits, dots, dashes and underscores" "$remedy"
    [[ ! -L $STATE ]] || die "$step" "a symbolic link" "name the folder itself in STAGE_ENGINE_STATE"
    ((${#SOCKET} < 108)) || die "$step" "its name is too long for the engine's socket" "name a shorter one in STAGE_ENGINE_STATE"
    [[ ! -e $STATE || -e $MARKER || -z $(ls -A "$STATE") ]] ||
        die "$step" "holds files that were not made here" "$remedy or move them away"
}

# claim_state : makes the folder, or takes it over when it was made here; one script at a time works in it.
claim_state() {
    check_state
    [[ $EUID == 0 ]] || die "the engine" "it runs containers itself, which needs root" "be root, or install Docker and the dagger CLI"
    umask 022
    mkdir -p "$STATE"/{bin,cache,cni,images,keys,libexec,log,run}
    [[ -e $MARKER ]] || printf 'Made by %s; "make clean" there removes this folder.\n' "${HERE%/ci/engine}" >"$MARKER"
    exec 9>"$STATE/lock"
    flock --nonblock 9 && return
    say "waiting for another script that works in $STATE"
    flock 9
}

# key FILE-OR-TEXT... : one short hash over files and folders by content, and over other words as they are.
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

# machine : the key of what the images take from this machine. Certificates and proxies can differ after a restart.
machine() {
    local name values=()
    for name in "${MACHINE_VARIABLES[@]}"; do values+=("$name=${!name-}"); done
    key /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/apt.conf.d /usr/local/share/ca-certificates /etc/pip.conf "${values[@]}"
}

# made NAME KEY : whether NAME was last made with KEY.  mark NAME KEY : notes that it was.
made() { [[ -f $STATE/keys/$1 && $(<"$STATE/keys/$1") == "$2" ]]; }
mark() { printf '%s\n' "$2" >"$STATE/keys/$1"; }
