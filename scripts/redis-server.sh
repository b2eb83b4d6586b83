#!/usr/bin/env bash
# Makes sure that a redis-server is on the PATH, for the tests of the redis adapter, which start and stop it themselves.
# Installs Debian's where there is none; the service of that package is not started.
set -euo pipefail

if command -v redis-server > /dev/null; then
    exit 0
fi

fail() {
    echo "no redis-server on the PATH, and $1: install Redis 6 or later (the tests of the redis adapter start it)" >&2
    exit 1
}

command -v apt-get > /dev/null || fail "no apt-get to install it with"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo > /dev/null || fail "neither root nor sudo to install it with"
    sudo -n true 2> /dev/null || fail "sudo asks for a password"
    as_root=(sudo -n)
fi

# What a package may do with services is asked of this file; 101 means: do not.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" > /dev/null
    "${as_root[@]}" chmod +x "$policy"
fi

echo "==> set-up: redis-server, with apt-get"
apt_get() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" > /dev/null; }
apt_get update || fail "\`apt-get update\` failed"
apt_get install -y --no-install-recommends redis-server || fail "\`apt-get install redis-server\` failed"
command -v redis-server > /dev/null || fail "apt-get has installed none"
