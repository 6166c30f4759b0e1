# shellcheck shell=bash
# Debian's packages, and checks that the machine has the right Debian and Go.

# runc starts containers; the CNI plugins, iptables and dnsmasq connect them; tini is process 1 of the engine's namespace, as in
# Dagger's image; mmdebstrap builds the base systems of the stand-in images, and busybox-static is that of the smallest; ip, from
# iproute2, removes the engine's bridge.
PACKAGES=(runc containernetworking-plugins iptables nftables dnsmasq-base tini mmdebstrap busybox-static git iproute2)

install_packages() {
    check_debian
    check_go
    dpkg-query -W -f '${Status}\n' "${PACKAGES[@]}" 2>/dev/null |
        grep -c '^install ok installed' | grep -qx "${#PACKAGES[@]}" && return
    step packages "$(date +%s)" "30 s" "installing ${PACKAGES[*]}" \
        bash -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"' - "${PACKAGES[@]}"
}

check_debian() {
    local system
    system=$(. /etc/os-release 2>/dev/null && printf '%s %s' "${ID-}" "${VERSION_ID-}") || true
    [[ $system == "debian $DEBIAN_VERSION" ]] ||
        die "setting up the engine" "it needs Debian $DEBIAN_VERSION if there is no container runtime, and this is ${system:-unknown}" \
            "install Docker and the dagger CLI $ENGINE_VERSION"
}

check_go() {
    local found required
    required=$(awk '$1 == "go" {print $2}' "$HERE"/{programs,trivy}/go.mod | sort -V | tail -n 1)
    found=$(go env GOVERSION 2>/dev/null) || die "building the engine" "there is no go command on the PATH" "install Go $required or newer"
    printf '%s\n' "$required" "${found#go}" | sort -CV ||
        die "building the engine" "the go command on the PATH is ${found#go}, too old" "install Go $required or newer"
}
