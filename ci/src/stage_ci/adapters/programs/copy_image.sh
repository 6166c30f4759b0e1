#!/bin/sh
# Copies an image between an archive and a registry: /image.tar to the registry with its digests preserved, or the image of the
# registry to /tmp/image.tar, in the format of `docker save`, which Trivy reads.
# usage: copy_image.sh push|pull REGISTRY REPOSITORY@DIGEST PLAIN_HTTP(true|false) SECONDS
# Credentials are read from files. What is derived from them is written to a temporary mount only, and is never an argument.
set -eu

umask 077
# A credential without the line breaks at its end, as the module itself reads it (rules/credentials.py).
cr=$(printf '\r')
credential() {
    value=$(cat "/run/secrets/$1")
    while [ "$value" != "${value%"$cr"}" ]; do
        value=$(printf '%s' "${value%"$cr"}")
    done
    printf '%s' "$value"
}
if [ -f /run/secrets/username ]; then
    printf '{"auths":{"%s":{"auth":"%s"}}}' "$2" \
        "$({ credential username; printf ':'; credential password; } | base64 | tr -d '\n')" >/run/auth/auth.json
else
    echo '{}' >/run/auth/auth.json
fi
tls=true
[ "$4" = true ] && tls=false
seconds=$5
copy() { skopeo --command-timeout "${seconds}s" copy --quiet --authfile /run/auth/auth.json "$@" >&2; }
case $1 in
push) copy --preserve-digests --dest-tls-verify="$tls" oci-archive:/image.tar "docker://$2/$3" ;;
pull) copy --src-tls-verify="$tls" "docker://$2/$3" docker-archive:/tmp/image.tar ;;
esac
