# shellcheck shell=bash
# The programs, built from source: the Go module proxy is the only place that serves them to a machine without a container registry.

# GOTOOLCHAIN: use the installed Go, download no other. CGO_ENABLED: no C compiler. GOGC: a tenth less time for more memory.
export GOTOOLCHAIN=local CGO_ENABLED=0 GONOSUMDB=$NO_SUM_DATABASE GOGC=400 GOFLAGS=$BUILD_FLAGS

# build_standard_library : compiled once, for these programs and for the Go modules that the engine compiles.
build_standard_library() {
    # shellcheck disable=SC2016 # the inner shell expands the variables
    step standard-library "$(key "$(go version)" "$BUILD_FLAGS")" "1 min" "compiling Go's standard library" \
        bash -c 'own=$(go env GOCACHE) && GOCACHE=$1 go build std && mkdir -p "$own" && cp -rn "$1/." "$own"' - "$STANDARD_LIBRARY"
}

# Packages of the commands in `programs`; those of this project are relative to its go.mod.
PROGRAMS=(./registry github.com/google/go-containerregistry/cmd/crane github.com/dagger/dagger/cmd/{codegen,dagger,dnsname,engine,init})

# download_programs : `go list` downloads the modules that the packages need, and no others.
download_programs() {
    # shellcheck disable=SC2016 # the inner shell expands the variables
    step programs-source "$(key "$HERE/programs")" "30 s" "downloading the source of the engine, the dagger CLI, a registry and crane" \
        bash -c 'go -C "$1" list -deps "${@:2}" >/dev/null' - "$HERE/programs" "${PROGRAMS[@]}"
}

# build_programs : one `go build` for all, so that shared packages are compiled once.
build_programs() {
    local engine=github.com/dagger/dagger/engine
    step programs "$(key "$(go version)" "$HERE/programs")" "5 min" "building the engine, the dagger CLI, a registry and crane" \
        go -C "$HERE/programs" build -o "$LIBEXEC/" \
        -ldflags "-s -w -X $engine.Version=$ENGINE_VERSION -X $engine.Tag=$ENGINE_VERSION" "${PROGRAMS[@]}"
    ln -sfn ../libexec/dagger "$STATE/bin/dagger"
}

# build_trivy : has its own go.mod, because its requirements conflict with the engine's, and modules in trivy/absent/ in place of those
# that the pipeline never calls. With the lowest priority, because everything else waits for the engine, and nothing for Trivy.
build_trivy() {
    step trivy "$(key "$(go version)" "$HERE/trivy")" "8 min beside the other steps" "building Trivy" \
        nice -n 19 env GOEXPERIMENT=jsonv2 go -C "$HERE/trivy" build -o "$LIBEXEC/" \
        -ldflags "-s -w -X github.com/aquasecurity/trivy/pkg/version/app.ver=${TRIVY_VERSION#v}" \
        github.com/aquasecurity/trivy/cmd/trivy
}
