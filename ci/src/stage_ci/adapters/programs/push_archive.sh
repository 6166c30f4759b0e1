#!/bin/sh
# Copies the archive to the registry with its digests preserved.
# usage: push_archive.sh REGISTRY REPOSITORY@DIGEST PLAIN_HTTP(true|false) SECONDS
# Credentials are read from files. What is derived from them is written to a temporary mount only, and is never an argument.
set -eu

umask 077
if [ -f /run/secrets/username ]; then
    printf '{"auths":{"%s":{"auth":"%s"}}}' "$1" \
        "$({ cat /run/secrets/username; printf ':'; cat /run/secrets/password; } | base64 | tr -d '\n')" >/run/auth/auth.json
else
    echo '{}' >/run/auth/auth.json
fi
tls=true
[ "$3" = true ] && tls=false
skopeo --command-timeout "$4s" copy --quiet --preserve-digests --dest-tls-verify="$tls" --authfile /run/auth/auth.json \
    oci-archive:/image.tar "docker://$1/$2" >&2
