# shellcheck shell=bash
# The local registry: where the engine finds the stand-in images. It listens on the loopback interface only.

registry() {
    local key
    key=$(key "$STATE/keys/programs" "$HERE/images/registry.yml" "$REGISTRY")
    if running registry; then
        made running-registry "$key" && return
        say "the registry's files changed: starting it anew"
        stop registry
    fi
    ! answers "${REGISTRY##*:}" ||
        die "starting the registry" "another program listens on port ${REGISTRY##*:}" "choose a port in STAGE_ENGINE_REGISTRY_PORT"
    spawn registry env OTEL_TRACES_EXPORTER=none REGISTRY_HTTP_ADDR="127.0.0.1:${REGISTRY##*:}" \
        REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY="$STATE/registry" "$LIBEXEC/registry" serve "$HERE/images/registry.yml"
    remember registry "$!"
    until_ready registry "$LIBEXEC/crane" catalog --insecure "$REGISTRY"
    mark running-registry "$key"
}

# answers PORT : whether something listens there.
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
