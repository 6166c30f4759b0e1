# shellcheck shell=bash
# The engine as a daemon, in namespaces of its own for mounts (it finds its files at fixed places, and what it mounts is gone
# with it) and for processes (nothing that it started outlives it, not even when it is killed).

engine() {
    local key
    key=$(key "$HERE"/{engine.json,inside,parts/engine.sh} "$STATE/keys/programs" "$IMAGES"/sdk-{go,python}.digest "$REGISTRY")
    if running engine; then
        made running-engine "$key" && return
        say "the engine's files changed: starting it anew"
    fi
    stop_engine
    ! ip link show "${NETWORK}0" >/dev/null 2>&1 ||
        die "starting the engine" "the network interface ${NETWORK}0 exists: another engine runs, or ran, on this machine" \
            "stop that, then \`ip link delete ${NETWORK}0\`"
    lay_out
    spawn engine unshare --mount --propagation private --pid --fork --kill-child \
        env -i "${ENVIRONMENT[@]}" "$HERE/inside"
    await_pid engine # `inside` knows it
    until_ready engine test -S "$SOCKET"
    mark running-engine "$key"
    say "the engine listens on $SOCKET"
}

# stop_engine : also clears up after one that was killed.
stop_engine() {
    stop engine
    [[ -e $STATE/run/places ]] || return 0
    [[ $(head -n 1 "$STATE/run/places") != "$BOOT" ]] || clear_network
    rm -rf --one-file-system "$SOCKET" "$PRIVATE" "$STATE/tmp" "$STATE/cache/net/cni"
    release_places
}

# lay_out : puts the engine's files where `inside` mounts them from, and makes the places to mount them on.
lay_out() {
    local plugin place
    mkdir -p "$STATE/tmp" "$PRIVATE/etc/dagger"
    sed "s/@REGISTRY@/$REGISTRY/g" "$HERE/engine.json" >"$PRIVATE/etc/dagger/engine.json"
    for plugin in bridge loopback firewall host-local; do ln -sfn "/usr/lib/cni/$plugin" "$STATE/cni/$plugin"; done
    ln -sfn "$ROOT/libexec/dnsname" "$STATE/cni/dnsname"
    printf '%s\n' "$BOOT" >"$STATE/run/places" # rules of a network do not outlive a restart of the machine; the places may
    for place in "$ROOT" "${FIXED_PLACES[@]}"; do
        mkdir -p "$PRIVATE$place"
        [[ -d $place ]] || { mkdir -p "$place" && printf '%s\n' "$place" >>"$STATE/run/places"; }
    done
    [[ -e $FIXED_FILE ]] || { touch "$FIXED_FILE" && printf '%s\n' "$FIXED_FILE" >>"$STATE/run/places"; }
    environment
}

# environment : of the engine: a clean one, as in its own image. Nothing of the shell that happens to start it, least of all a
# credential, ends up in a daemon.
environment() {
    local name
    ENVIRONMENT=(
        PATH="$SYSTEM_PATH" HOME=/root TMPDIR="$ROOT/tmp" STAGE_ENGINE_STATE="$STATE"
        DAGGER_GO_SDK_MANIFEST_DIGEST="$(<"$IMAGES/sdk-go.digest")"
        DAGGER_PYTHON_SDK_MANIFEST_DIGEST="$(<"$IMAGES/sdk-python.digest")"
    )
    for name in {HTTP,HTTPS,NO}_PROXY {http,https,no}_proxy SSL_CERT_FILE SSL_CERT_DIR; do
        [[ -z ${!name-} ]] || ENVIRONMENT+=("$name=${!name}")
    done
}

# release_places : removes what lay_out made outside the state folder, if it is empty as it should be.
release_places() {
    local place
    while read -r place; do
        if [[ -d $place ]]; then rmdir --ignore-fail-on-non-empty "$place"; elif [[ ! -s $place ]]; then rm -f "$place"; fi
    done < <(tail -n +2 "$STATE/run/places")
    rm -f "$STATE/run/places"
}
