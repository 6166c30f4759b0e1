# shellcheck shell=bash
# The programs, built from the Go module proxy: the one place that has them for a machine without a container registry.

# The toolchain at hand, never one that Go would fetch; no C compiler. GOGC: the compiler takes more memory and a tenth less time.
export GOTOOLCHAIN=local CGO_ENABLED=0 GONOSUMDB=$NO_SUM_DATABASE GOGC=400 GOFLAGS=$BUILD_FLAGS

# standard_library : compiled once, for the programs and for the Go modules that the engine compiles.
standard_library() {
    # shellcheck disable=SC2016 # the variables are the inner shell's
    step standard-library "$(key "$(go version)" "$BUILD_FLAGS")" "1 min" "compiling Go's standard library" \
        bash -c 'mine=$(go env GOCACHE) && GOCACHE=$1 go build std && mkdir -p "$mine" && cp -rn "$1/." "$mine"' - "$STANDARD_LIBRARY"
}

# programs : one build, so that what they share is compiled once.
programs() {
    local engine=github.com/dagger/dagger/engine
    step programs "$(key "$(go version)" "$HERE/programs")" "6 min" "building the engine, the dagger CLI, a registry and crane" \
        go -C "$HERE/programs" build -o "$LIBEXEC/" \
        -ldflags "-s -w -X $engine.Version=$ENGINE_VERSION -X $engine.Tag=$ENGINE_VERSION" \
        ./registry github.com/google/go-containerregistry/cmd/crane github.com/dagger/dagger/cmd/{codegen,dagger,dnsname,engine,init}
    ln -sfn ../libexec/dagger "$STATE/bin/dagger"
}

# scanner : Trivy. Its requirements and the engine's do not fit into one go.mod.
scanner() {
    step trivy "$(key "$(go version)" "$HERE/trivy")" "11 min beside the other steps" "building Trivy" env GOEXPERIMENT=jsonv2 \
        go -C "$HERE/trivy" build -o "$LIBEXEC/" \
        -ldflags "-s -w -X github.com/aquasecurity/trivy/pkg/version/app.ver=${TRIVY_VERSION#v}" \
        github.com/aquasecurity/trivy/cmd/trivy
}
