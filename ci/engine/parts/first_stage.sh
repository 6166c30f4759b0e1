# shellcheck shell=bash
# The first stage installs packages for minutes, and waits for most of that time. The build of Trivy uses the processors meanwhile.

# prepare_first_stage JOB : while the background job JOB runs, calls functions of the pipeline that need no Trivy and reach neither a
# registry nor a git server, so that the first stage finds their containers in the engine's cache. A function that fails is not an
# error here: it says something about the source, and the stage reports it.
prepare_first_stage() {
    local name pids=()
    # Once there is an image of Trivy, a stage may have run.
    [[ ! -e $STATE/keys/scanner-image ]] && kill -0 "$1" 2>/dev/null || return 0
    log "beside the build of Trivy: installing what the first stage needs"
    for name in lint test smoke; do
        env DAGGER_NO_NAG=1 _EXPERIMENTAL_DAGGER_RUNNER_HOST="unix://$SOCKET" \
            "$STATE/bin/dagger" -m "$PROJECT" call "$name" >"$STATE/log/first-$name" 2>&1 &
        pids+=("$name:$!")
    done
    for name in "${pids[@]}"; do
        wait "${name#*:}" ||
            log "warning: \`dagger call ${name%:*}\` failed, so the first stage takes longer or fails as well; see $STATE/log/first-${name%:*}"
    done
}
