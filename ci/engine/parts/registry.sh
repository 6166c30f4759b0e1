# shellcheck shell=bash
# The local registry, from which the engine pulls the stand-in images. It listens on the loopback interface only, and accepts no push:
# every user of the machine reaches it, and could exchange the images that the pipeline runs.

start_registry() {
    local key port=${REGISTRY##*:}
    key=$(key "$STATE/keys/programs" "$HERE"/{images/registry.yml,parts/registry.sh} "$REGISTRY")
    if is_running registry; then
        is_current running-registry "$key" && return
        log "the registry's files changed: restarting it"
        stop_daemon registry
    fi
    ! is_port_open "$port" ||
        die "starting the registry" "another program listens on port $port" "set STAGE_ENGINE_REGISTRY_PORT to a free port"
    start_daemon registry env OTEL_TRACES_EXPORTER=none REGISTRY_HTTP_ADDR="127.0.0.1:$port" \
        REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY="$STATE/registry" REGISTRY_STORAGE_MAINTENANCE_READONLY='enabled: true' \
        "$LIBEXEC/registry" serve "$HERE/images/registry.yml"
    write_pid_file registry "$!"
    wait_until_ready registry "$LIBEXEC/crane" catalog --insecure "$REGISTRY"
    record running-registry "$key"
}

# is_port_open PORT : succeeds if a program listens on the port of the loopback interface.
is_port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
