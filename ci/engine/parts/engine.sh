# shellcheck shell=bash
# The engine as a daemon in a mount and a process namespace of its own. The mount namespace puts its files at hard-coded paths and
# drops its mounts when it ends; the process namespace ends everything that it started, even when it is killed.

start_engine() {
    local key
    key=$(key "$HERE"/{engine.json,entrypoint,parts/engine.sh} "$STATE/keys/programs" "$IMAGES"/sdk-{go,python}.digest "$REGISTRY" "$LISTEN")
    if is_running engine; then
        is_current running-engine "$key" && return
        log "the engine's files changed: restarting it"
    fi
    stop_engine
    ! ip link show "${NETWORK}0" >/dev/null 2>&1 ||
        die "starting the engine" "the network interface ${NETWORK}0 exists: another engine is running on this machine, or was killed" \
            "stop that engine, run \`ip link delete ${NETWORK}0\` if the interface is still there, and run \`make engine\` again"
    launch_engine
    if is_cache_damaged; then
        log "the engine cannot open its cache ($(last_line "$STATE/log/engine")): starting with an empty one, so rehearsals begin anew"
        stop_engine
        rm -rf --one-file-system "$STATE/cache"
        launch_engine
    fi
    wait_until_ready engine test -S "$SOCKET"
    record running-engine "$key"
    log "the engine listens on $SOCKET${LISTEN:+ and $LISTEN}"
}

launch_engine() {
    prepare_engine
    start_daemon engine unshare --mount --propagation private --pid --fork --kill-child \
        env -i "${ENVIRONMENT[@]}" "$HERE/entrypoint"
    wait_for_pid_file engine # written by the entrypoint: the pid known here is that of unshare
}

# is_cache_damaged : whether the engine ended at its start because of its cache. Engine 0.19.10 may lose a snapshot that its database
# still names, when it removes old entries, and then never starts again.
is_cache_damaged() {
    local deadline=$((SECONDS + 30))
    while is_running engine && [[ ! -S $SOCKET ]] && ((SECONDS < deadline)); do sleep 0.1; done
    ! is_running engine && grep -qF 'failed to create base worker' "$STATE/log/engine"
}

# stop_engine : also cleans up after an engine that was killed.
stop_engine() {
    stop_daemon engine
    [[ -e $STATE/run/mount-points ]] || return 0
    [[ $(head -n 1 "$STATE/run/mount-points") != "$BOOT" ]] || clear_network
    rm -rf --one-file-system "$SOCKET" "$PRIVATE" "$STATE/tmp" "$STATE/cache/net/cni"
    remove_mount_points
}

# prepare_engine : writes the files that the entrypoint mounts, and creates the mount points that are missing. Lists those in
# run/mount-points after the boot id: network rules end with the boot, mount points may not.
prepare_engine() {
    local plugin mount_point
    mkdir -p "$STATE/tmp" "$PRIVATE/etc/dagger"
    sed "s/@REGISTRY@/$REGISTRY/g" "$HERE/engine.json" >"$PRIVATE/etc/dagger/engine.json"
    for plugin in bridge loopback firewall host-local; do ln -sfn "/usr/lib/cni/$plugin" "$STATE/cni/$plugin"; done
    ln -sfn "$ROOT/libexec/dnsname" "$STATE/cni/dnsname"
    printf '%s\n' "$BOOT" >"$STATE/run/mount-points"
    for mount_point in "$ROOT" "${MOUNT_POINTS[@]}"; do
        mkdir -p "$PRIVATE$mount_point"
        [[ -d $mount_point ]] || { mkdir -p "$mount_point" && printf '%s\n' "$mount_point" >>"$STATE/run/mount-points"; }
    done
    [[ -e $MOUNT_POINT_FILE ]] || { touch "$MOUNT_POINT_FILE" && printf '%s\n' "$MOUNT_POINT_FILE" >>"$STATE/run/mount-points"; }
    set_environment
}

# set_environment : the engine's variables. It starts with a clean environment, as in Dagger's image, so that no credential of the
# calling shell stays in a daemon. GOGC, GOMEMLIMIT: less processor time for more memory, up to a quarter of the machine's, or
# 2 GiB. Twenty stages at once need more than that, and a limit below the need takes more processor time than none.
set_environment() {
    local name kilobytes
    read -r _ kilobytes _ </proc/meminfo # the first line is MemTotal
    ENVIRONMENT=(
        GOGC=400 GOMEMLIMIT=$((kilobytes > 8 << 20 ? kilobytes / 4 : 2 << 20))KiB PATH="$SYSTEM_PATH" HOME=/root TMPDIR="$ROOT/tmp" STAGE_ENGINE_STATE="$STATE" STAGE_ENGINE_LISTEN="$LISTEN"
        DAGGER_GO_SDK_MANIFEST_DIGEST="$(<"$IMAGES/sdk-go.digest")"
        DAGGER_PYTHON_SDK_MANIFEST_DIGEST="$(<"$IMAGES/sdk-python.digest")"
    )
    for name in {HTTP,HTTPS,NO}_PROXY {http,https,no}_proxy SSL_CERT_FILE SSL_CERT_DIR; do
        [[ -z ${!name-} ]] || ENVIRONMENT+=("$name=${!name}")
    done
}

# remove_mount_points : removes the empty folders and the empty file that prepare_engine created outside the state folder.
remove_mount_points() {
    local mount_point
    while read -r mount_point; do
        if [[ -d $mount_point ]]; then
            rmdir --ignore-fail-on-non-empty "$mount_point"
        elif [[ ! -s $mount_point ]]; then
            rm -f "$mount_point"
        fi
    done < <(tail -n +2 "$STATE/run/mount-points")
    rm -f "$STATE/run/mount-points"
}
