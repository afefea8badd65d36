#!/usr/bin/env bash
# fresh.sh [short]: what somebody new types, on machines that are new: roots of Debian 12 and 13 made by debootstrap, bare and with
# "apt install postgresql" done before, each with a clone of this repository, in which it runs "make demo" and "make check".
# short (.ci/run) is Debian 13 alone, without the Perl tests.
#
# It needs root, debootstrap, leave to mount and a mirror. Without, or where the mirror stops answering, it says so and is
# skipped; a failure of demo or check is one. Everything is in a directory under /tmp, mounted and run in namespaces of its
# own, which end with the shell that made them.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
here=$PWD
form=${1:-full}
work=
passed=0 failed=0 skipped=0

# shellcheck disable=SC2317  # called by the trap
cleanup() { [ -z "$work" ] || rm -rf --one-file-system "$work"; }
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

skip() { echo "fresh: skipped, $*"; exit 0; }
[ "$(id -u)" = 0 ] || skip "only root can make a root"
unshare --mount --pid --ipc --fork mount -t tmpfs none /mnt 2>/dev/null || skip "namespaces or mounts are not permitted here"
command -v debootstrap >/dev/null || bash test/run/packages.sh fresh || skip "there is no debootstrap"
command -v debootstrap >/dev/null || skip "there is no debootstrap"

mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | sed -n 's,^\(URIs:\|deb\) .*\(https\?://[^ ]*/debian\)/\?\( .*\)\?$,\2,p' | head -n 1)
mirror=${mirror:-http://deb.debian.org/debian}
work=$(mktemp -d /tmp/swipesavvy-fresh.XXXXXX)
mkdir "$work/archives"

# Runs a shell command in a root, for at most that many seconds; every process and mount of it ends with it.
inside() { # seconds root command
    # shellcheck disable=SC2016  # for the shell inside
    timeout -k 10 "$1" unshare --mount --pid --ipc --fork --kill-child=KILL bash -c '
        mount --make-rprivate / && mount --rbind /dev "$1/dev" && mount -t tmpfs shm "$1/dev/shm" && mount -t proc proc "$1/proc" &&
        mount --bind "$2" "$1/var/cache/apt/archives" &&
        exec chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive http_proxy="${http_proxy:-}" sh -c "$3"
    ' inside "$2" "$work/archives" "$3" </dev/null
}
mirror_answers() { inside 120 "$1" 'apt-get -qq update -o APT::Update::Error-Mode=any' >/dev/null 2>&1; }
# shellcheck disable=SC2016  # for the shell inside
figures() { inside 60 "$1" 'echo "$(dpkg-query -W | wc -l) $(du -smx / | cut -f1)"'; } # packages, megabytes
clusters() { inside 60 "$1" 'ls -d /etc/postgresql/*/* 2>/dev/null'; }

# One command of the reader's; afterwards, whether it worked, and after a failure whether the mirror is to blame.
try() { # name root seconds command
    local start=$SECONDS
    if inside "$3" "$2" "cd /root/swipesavvy && $4" >"$work/log" 2>&1; then
        echo "  $4: passed in $((SECONDS - start)) seconds; $(grep -E '^(demo: |Files=|.*All [0-9]+ tests passed)' "$work/log" | tr '\n' ' ')"
        passed=$((passed + 1))
    elif mirror_answers "$2"; then
        echo "  $4: FAILED after $((SECONDS - start)) seconds"
        tail -n 100 "$work/log"
        failed=$((failed + 1))
    else
        echo "  $4: skipped, the mirror $mirror stopped answering"
        skipped=$((skipped + 1))
        return 1
    fi
}

machine() { # name base packages
    local root=$work/root before after before_clusters
    echo "fresh: $1"
    rm -rf --one-file-system "$root"
    cp -a "$2" "$root" || exit 1
    if ! inside 600 "$root" "apt-get -qq update -o APT::Update::Error-Mode=any && apt-get -qq install -y --no-install-recommends git make $3" >"$work/log" 2>&1; then
        echo "  skipped, the mirror $mirror does not give these packages: $(tail -n 1 "$work/log")"
        skipped=$((skipped + 1))
        return
    fi
    mkdir -p "$root/root" && git -c safe.directory='*' clone -q --no-hardlinks "$here" "$root/root/swipesavvy" || exit 1
    before=$(figures "$root")
    before_clusters=$(clusters "$root")
    try "$1" "$root" "$demo_seconds" 'make demo' && try "$1" "$root" "$check_seconds" "$check"
    after=$(figures "$root")
    echo "  installed $((${after% *} - ${before% *})) packages; $((${after#* } - ${before#* })) MB more on disk"
    if [ "$(clusters "$root")" != "$before_clusters" ]; then
        echo "  FAILED: it left a cluster of PostgreSQL behind: $(clusters "$root")"
        failed=$((failed + 1))
    fi
}

suites() { # suite release
    local base=$work/$1
    if ! timeout -k 10 400 debootstrap --variant=minbase "$1" "$base" "$mirror" >"$work/log" 2>&1; then
        echo "fresh: Debian $2 skipped, debootstrap from $mirror failed: $(tail -n 1 "$work/log")"
        skipped=$((skipped + 1))
        return
    fi
    cp /etc/resolv.conf /etc/hosts "$base/etc/"
    machine "Debian $2, bare" "$base" ''
    [ "$form" = short ] || machine "Debian $2, after apt install postgresql" "$base" postgresql
    rm -rf --one-file-system "$base"
}

if [ "$form" = short ]; then
    demo_seconds=1800 check_seconds=1800
    check='make check SUITES="regress isolation pgtap"'
    suites trixie 13
else
    demo_seconds=1800 check_seconds=7200
    check='make check'
    suites bookworm 12
    suites trixie 13
fi
echo "fresh: $passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
