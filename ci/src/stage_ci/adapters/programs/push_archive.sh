#!/bin/sh
# Copies the archive into the registry, byte for byte.
# usage: push_archive.sh REGISTRY REPOSITORY@DIGEST PLAIN_HTTP(true|false) SECONDS
# The credentials are files; what is derived from them stays in a temporary mount and in no argument.
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
