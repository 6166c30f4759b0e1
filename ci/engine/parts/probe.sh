# shellcheck shell=bash
# The first call of a Python module compiles the runtime of Python modules, about a minute. This calls a module with a single
# function, so that the first real call does not wait, and a broken engine fails here.

run_probe() {
    local dir=$STATE/probe
    mkdir -p "$dir/src/probe"
    printf '{"name": "probe", "engineVersion": "%s", "sdk": {"source": "python"}}\n' "$ENGINE_VERSION" >"$dir/dagger.json"
    printf '[project]\nname = "probe"\nversion = "0"\ndependencies = ["dagger-io"]\n' >"$dir/pyproject.toml"
    printf 'import dagger\n\n\n@dagger.object_type\nclass Probe:\n    @dagger.function\n    def ready(self) -> bool:\n        return True\n' \
        >"$dir/src/probe/__init__.py"
    step probe "$(key "$STATE/keys/running-engine")" "1 min" "calling a Python module for the first time" env DAGGER_NO_NAG=1 \
        _EXPERIMENTAL_DAGGER_RUNNER_HOST="unix://$SOCKET" "$STATE/bin/dagger" -m "$dir" call ready
}
