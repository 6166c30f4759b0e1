# shellcheck shell=bash disable=SC2034
# Settings that the scripts share: paths, names, versions, limits. Every script here sources this file first.
set -euo pipefail
shopt -s inherit_errexit 2>/dev/null || true # missing in bash before 4.4, such as on macOS, where only `client` runs

HERE=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
PROJECT=${HERE%/ci/engine} # the folder of the module

# The settings that a user can override.
STATE=${STAGE_ENGINE_STATE:-/var/lib/stage-engine}     # the only folder that the scripts write to
REGISTRY=localhost:${STAGE_ENGINE_REGISTRY_PORT:-5000} # the local registry, on the loopback interface
LISTEN=${STAGE_ENGINE_LISTEN-}                         # where the engine listens besides its socket, such as tcp://10.0.0.5:1234

MARKER=$STATE/.stage-engine   # marks the folder as created here: the scripts fill and remove no other
LIBEXEC=$STATE/libexec        # programs; only `dagger` goes on a user's PATH, from $STATE/bin
IMAGES=$STATE/images          # layers of the stand-in images
CONTENT=$STATE/content        # blobs of the SDK images, where distconsts points the engine
PRIVATE=$STATE/private        # folders that the engine sees at MOUNT_POINTS
SOCKET=$STATE/run/engine.sock # where distconsts has the engine listen
SYSTEM_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# The path at which the engine sees the state folder.
ROOT=$(sed -n 's/^const Root = "\(.*\)"$/\1/p' "$HERE/programs/distconsts/consts.go")
# Paths that Dagger, BuildKit, runc and CNI hard-code. The engine gets private folders there, which cover the machine's.
MOUNT_POINTS=(/etc/dagger /run/buildkit /run/containers /run/runc /var/lib/cni)
# Dagger creates this file if it is missing and mounts the machine's resolv.conf on it:
# https://github.com/dagger/dagger/blob/v0.19.10/network/netinst/resolvconf.go
MOUNT_POINT_FILE=/etc/dnsmasq-resolv.conf

# Dagger's defaults, set explicitly because parts/network.sh finds the firewall rules by them:
# https://github.com/dagger/dagger/blob/v0.19.10/network/consts.go
NETWORK=dagger
NETWORK_PREFIX=10.87 # of a /16

# module_version MODULE FOLDER : the version of a Go module in FOLDER/go.mod, the only file that sets it.
module_version() { awk -v module="$1" '{sub(/^require /, "")} $1 == module && $2 ~ /^v/ {print $2; exit}' "$HERE/$2/go.mod"; }

ENGINE_VERSION=$(module_version github.com/dagger/dagger programs)
TRIVY_VERSION=$(module_version github.com/aquasecurity/trivy trivy)
DISTRIBUTION_VERSION=$(module_version github.com/distribution/distribution/v3 programs)
DEBIAN_VERSION=12 # its python3 is 3.11, the version of the pipeline's images

# stand_in_names : the names for which there is a stand-in, in one line.
stand_in_names() { awk '!/^#/ && NF {print $1}' "$HERE/images/names" | paste -sd ' ' -; }

# Flags of every Go build, on the machine and in the engine, so that all builds share Go's cache: no VCS stamp, no paths of this
# machine, no DWARF, which the linker would drop anyway.
BUILD_FLAGS='-buildvcs=false -trimpath -gcflags=all=-dwarf=false'
STANDARD_LIBRARY=$STATE/go-build # Go's standard library, compiled with these flags

# Variables that a container needs to reach the package registries the way this machine does.
MACHINE_VARIABLES=(
    HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy
    PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST PIP_DEFAULT_TIMEOUT UV_DEFAULT_INDEX UV_INDEX UV_INDEX_URL GOPROXY GOSUMDB
)

# The module proxy serves Dagger's Go modules, but the checksum database lacks them. go.sum still verifies their content.
NO_SUM_DATABASE='github.com/dagger/*,dagger.io/*,github.com/vito/*,github.com/jedevc/*'

# shellcheck source=lib/report.sh
source "$HERE/lib/report.sh"
# shellcheck source=lib/state.sh
source "$HERE/lib/state.sh"
# shellcheck source=lib/processes.sh
source "$HERE/lib/processes.sh"
