#!/bin/sh
# Serves one git repository over HTTP, and creates it from /seed if it does not exist.
# usage: git_server.sh OWNER/NAME.git
set -eu

repository=/srv/git/$1
if [ ! -d "$repository" ]; then
    work=$(mktemp -d)
    cp -R /seed/. "$work"
    git -C "$work" init --quiet --initial-branch=main
    git -C "$work" add --all
    git -C "$work" -c user.name=rehearsal -c user.email=rehearsal@localhost commit --quiet --message='seed of the rehearsal'
    git clone --quiet --bare "$work" "$work.git"
    git -C "$work.git" config http.receivepack true
    mkdir -p "$(dirname "$repository")"
    cp -R "$work.git" "$repository.$$"
    # A rename is atomic: if two servers start at once, the slower one serves the repository of the faster one.
    mv -T "$repository.$$" "$repository" 2>/dev/null || rm -rf "$repository.$$"
fi
exec lighttpd -D -f /etc/lighttpd/git.conf
