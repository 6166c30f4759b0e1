# shellcheck shell=bash
# The programs, built from the Go module proxy: the one place that has them for a machine without a container registry.

# The toolchain at hand, never one that Go would fetch; no C compiler; no note of a git state, no paths of this machine and no
# debugging data, which the linker drops in any case. GOGC: the compiler trades memory for a tenth of its time.
export GOTOOLCHAIN=local CGO_ENABLED=0 GONOSUMDB=$NO_SUM_DATABASE GOGC=400
export GOFLAGS='-buildvcs=false -trimpath -gcflags=all=-dwarf=false'

# fetch : brings the modules of the two large programs into Go's cache. Where it fails, the build fails and says why.
fetch() {
    made dagger "$1" || go -C "$HERE/dagger" list -deps github.com/dagger/dagger/cmd/{dagger,engine} || true
    made trivy "$2" || GOEXPERIMENT=jsonv2 go -C "$HERE/trivy" list -deps github.com/aquasecurity/trivy/cmd/trivy || true
}

# programs : all but Trivy, which nothing needs before the first scan.
programs() {
    local go dagger module=github.com/dagger/dagger/engine
    go=$(go version)
    dagger=$(key "$go" "$HERE/dagger")
    # The network would idle while the first programs are compiled. 9: the lock of `up`.
    fetch "$dagger" "$(key "$go" "$HERE/trivy")" >/dev/null 2>&1 9>&- &
    step registry "$(key "$go" "$HERE/registry")" "60 s" "building the registry" \
        go -C "$HERE/registry" build -ldflags '-s -w' -o "$LIBEXEC/" .
    step crane "$(key "$go" "$CRANE_VERSION")" "10 s" "building crane" env GOBIN="$LIBEXEC" \
        go install -ldflags '-s -w' "github.com/google/go-containerregistry/cmd/crane@$CRANE_VERSION"
    step dagger "$dagger" "4 min" "building the engine and the dagger CLI" \
        go -C "$HERE/dagger" build -o "$LIBEXEC/" \
        -ldflags "-s -w -X $module.Version=$ENGINE_VERSION -X $module.Tag=$ENGINE_VERSION" \
        github.com/dagger/dagger/cmd/{codegen,dagger,dnsname,engine,init}
    ln -sfn ../libexec/dagger "$STATE/bin/dagger"
}

# scanner : Trivy. Its requirements and the engine's do not fit into one go.mod.
scanner() {
    step trivy "$(key "$(go version)" "$HERE/trivy")" "6 min" "building Trivy" env GOEXPERIMENT=jsonv2 \
        go -C "$HERE/trivy" build -o "$LIBEXEC/" \
        -ldflags "-s -w -X github.com/aquasecurity/trivy/pkg/version/app.ver=${TRIVY_VERSION#v}" \
        github.com/aquasecurity/trivy/cmd/trivy
}
