#!/bin/sh
# Runs Trivy with the analyses of layers that earlier runs have kept, and keeps those of this run.
# usage: run_trivy.sh KEPT CACHE ARGUMENT...
# KEPT is a file of a folder that runs at the same time share, CACHE is a folder of this run alone. Trivy locks what lies in its cache, so each run has
# a copy of it. KEPT is only ever replaced by a rename, so no run copies half a file.
set -eu

# A copy costs what all layers together have cost, so above this size, in bytes, the analyses begin anew.
LIMIT=268435456

kept=$1 cache=$2
shift 2
used=$cache/fanal/fanal.db
mkdir -p "${used%/*}"
cp "$kept" "$used" 2>/dev/null || rm -f "$used"
# What Trivy may be unable to read is not left to the next run.
trivy --cache-dir "$cache" "$@" || { status=$? && rm -f "$kept" && exit "$status"; }
new=$(mktemp "$kept.XXXXXX")
if [ "$(wc -c <"$used")" -le $LIMIT ] && cp "$used" "$new"; then
    mv "$new" "$kept"
else
    rm -f "$new" "$kept"
fi
