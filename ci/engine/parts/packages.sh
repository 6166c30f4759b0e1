# shellcheck shell=bash
# Debian's packages, and what else the machine must have.

# runc starts containers, the CNI plugins, iptables and dnsmasq connect them; tini is process 1 of the engine's namespace, as in
# Dagger's own image; mmdebstrap makes the base systems of the stand-ins; ip takes the engine's bridge down.
PACKAGES=(runc containernetworking-plugins iptables nftables dnsmasq-base tini mmdebstrap git iproute2)

packages() {
    debian_is_right
    go_is_right
    dpkg-query -W -f '${Status}\n' "${PACKAGES[@]}" 2>/dev/null |
        grep -c '^install ok installed' | grep -qx "${#PACKAGES[@]}" && return
    step packages "$(date +%s)" "30 s" "installing ${PACKAGES[*]}" \
        bash -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"' - "${PACKAGES[@]}"
}

debian_is_right() {
    local system
    system=$(. /etc/os-release 2>/dev/null && printf '%s %s' "${ID-}" "${VERSION_ID-}") || true
    [[ $system == "debian $DEBIAN_VERSION" ]] ||
        die "the engine" "it starts without a container runtime on Debian $DEBIAN_VERSION only, this is ${system:-no Linux with a name}" \
            "install Docker and the dagger CLI $ENGINE_VERSION"
}

go_is_right() {
    local found wanted
    wanted=$(awk '$1 == "go" {print $2}' "$HERE"/{programs,trivy}/go.mod | sort -V | tail -n 1)
    found=$(go env GOVERSION 2>/dev/null) || die "building the engine" "there is no go on the PATH" "install Go $wanted or newer"
    printf '%s\n' "$wanted" "${found#go}" | sort -CV ||
        die "building the engine" "Go $wanted or newer is needed, this is ${found#go}" "install a newer Go"
}
