# shellcheck shell=bash
# The programs, built from the Go module proxy: the one place that has them for a machine without a container registry.

# The toolchain at hand, never one that Go would fetch; no C compiler; no note of a git state.
export GOTOOLCHAIN=local CGO_ENABLED=0 GOFLAGS=-buildvcs=false GONOSUMDB=$NO_SUM_DATABASE

# fetch : brings the modules of the two large programs into Go's cache. Where it fails, the build fails and says why.
fetch() {
    made dagger "$1" || go -C "$HERE/dagger" list -deps github.com/dagger/dagger/cmd/{dagger,engine} || true
    made trivy "$2" || GOEXPERIMENT=jsonv2 go -C "$HERE/trivy" list -deps github.com/aquasecurity/trivy/cmd/trivy || true
}

binaries() {
    local go dagger trivy module=github.com/dagger/dagger/engine
    go=$(go version)
    dagger=$(key "$go" "$HERE/dagger")
    trivy=$(key "$go" "$HERE/trivy")
    # The network would idle while the first programs are compiled. 9: the lock of `up`.
    fetch "$dagger" "$trivy" >/dev/null 2>&1 9>&- &
    step registry "$(key "$go" "$DISTRIBUTION_VERSION")" "90 s" "building the registry" env GOBIN="$LIBEXEC" \
        go install -trimpath -ldflags '-s -w' "github.com/distribution/distribution/v3/cmd/registry@$DISTRIBUTION_VERSION"
    step crane "$(key "$go" "$CRANE_VERSION")" "10 s" "building crane" env GOBIN="$LIBEXEC" \
        go install -trimpath -ldflags '-s -w' "github.com/google/go-containerregistry/cmd/crane@$CRANE_VERSION"
    step dagger "$dagger" "3 min" "building the engine and the dagger CLI" \
        go -C "$HERE/dagger" build -trimpath -o "$LIBEXEC/" \
        -ldflags "-s -w -X $module.Version=$ENGINE_VERSION -X $module.Tag=$ENGINE_VERSION" \
        github.com/dagger/dagger/cmd/{codegen,dagger,dnsname,engine,init}
    # Trivy's requirements and the engine's do not fit into one go.mod.
    step trivy "$trivy" "6 min" "building Trivy" env GOEXPERIMENT=jsonv2 \
        go -C "$HERE/trivy" build -trimpath -o "$LIBEXEC/" \
        -ldflags "-s -w -X github.com/aquasecurity/trivy/pkg/version/app.ver=${TRIVY_VERSION#v}" \
        github.com/aquasecurity/trivy/cmd/trivy
    ln -sfn ../libexec/dagger "$STATE/bin/dagger"
}
