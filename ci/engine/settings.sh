# shellcheck shell=bash disable=SC2034
# What the parts must agree on: places, names, versions, bounds. Every script here sources this file first.
set -euo pipefail
shopt -s inherit_errexit 2>/dev/null || true # bash before 4.4, as on a Mac, runs `client` only

HERE=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

# A user's two choices.
STATE=${STAGE_ENGINE_STATE:-/var/lib/stage-engine}     # everything that is made here
REGISTRY=localhost:${STAGE_ENGINE_REGISTRY_PORT:-5000} # the local registry, on the loopback interface

MARKER=$STATE/.stage-engine   # says that the folder was made here: nothing else is filled or removed
LIBEXEC=$STATE/libexec        # programs; only `dagger` goes on a user's PATH, from $STATE/bin
IMAGES=$STATE/images          # layers of the stand-ins
CONTENT=$STATE/content        # blobs of the SDK images, as distconsts says
PRIVATE=$STATE/private        # what the engine sees at the places below
SOCKET=$STATE/run/engine.sock # as distconsts says
SYSTEM_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# Where the engine sees the state folder.
ROOT=$(sed -n 's/^const Root = "\(.*\)"$/\1/p' "$HERE/programs/distconsts/consts.go")
# Folders that Dagger, BuildKit, runc and CNI fix in their code. The engine gets its own at these places; the machine's are covered.
FIXED_PLACES=(/etc/dagger /run/buildkit /run/containers /run/runc /var/lib/cni)
# Made by Dagger where it is missing, to be mounted over.
FIXED_FILE=/etc/dnsmasq-resolv.conf

# Dagger's own defaults, named because the rules they leave behind must be found (parts/network.sh).
NETWORK=dagger
NETWORK_PREFIX=10.87 # of a /16

# required MODULE FOLDER : the version of a Go module in FOLDER/go.mod, the one place that names it.
required() { awk -v module="$1" '{sub(/^require /, "")} $1 == module && $2 ~ /^v/ {print $2; exit}' "$HERE/$2/go.mod"; }

ENGINE_VERSION=$(required github.com/dagger/dagger programs)
TRIVY_VERSION=$(required github.com/aquasecurity/trivy trivy)
DISTRIBUTION_VERSION=$(required github.com/distribution/distribution/v3 programs)
DEBIAN_VERSION=12 # whose python3 is 3.11

# Of every build with Go, here and in the engine, so that none compiles what another has: no note of a git state, no paths of this
# machine, no debugging data, which the linker would drop anyway.
BUILD_FLAGS='-buildvcs=false -trimpath -gcflags=all=-dwarf=false'
STANDARD_LIBRARY=$STATE/go-build # Go's packages, compiled with these flags

# What a container must know of this machine to reach the package registries as the machine does.
MACHINE_VARIABLES=(
    HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy
    PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST PIP_DEFAULT_TIMEOUT UV_DEFAULT_INDEX UV_INDEX UV_INDEX_URL GOPROXY GOSUMDB
)

# Dagger's Go modules are served by the module proxy but missing in the checksum database; go.sum holds what they must be.
NO_SUM_DATABASE='github.com/dagger/*,dagger.io/*,github.com/vito/*,github.com/jedevc/*'

# shellcheck source=lib/report.sh
source "$HERE/lib/report.sh"
# shellcheck source=lib/state.sh
source "$HERE/lib/state.sh"
# shellcheck source=lib/processes.sh
source "$HERE/lib/processes.sh"
