#!/usr/bin/env bash
# Installs what the machine lacks, and says what. packages.sh check|demo|stress|bench|loadtest|coverage|lint
# Each tool is looked for by itself: a PostgreSQL built from source will do as well as the packages.
set -euo pipefail

have() { command -v "$1" >/dev/null 2>&1; }
pg() { "${PG_CONFIG:-pg_config}" "$1" 2>/dev/null || true; }
server_here() { compgen -G '/usr/lib/postgresql/*/bin/postgres' | cut -d/ -f5 | sort -n | tail -n 1; }
server_offered() { apt-cache policy postgresql 2>/dev/null | awk '/Candidate:/ { split($2, v, "+"); print int(v[1]) }'; }

# The major version: of the server that pg_config builds for, else of the newest installed, else of the distribution's.
version() {
    local v
    if [ -f "$(pg --pgxs)" ]; then v=$(pg --version | sed 's/[^0-9]*\([0-9]*\).*/\1/'); else v=$(server_here); fi
    echo "${v:-$(server_offered)}"
}

missing() { # of the tools for $1, the packages of those that are not there
    local v dev=no ext
    v=$(version)
    [ -f "$(pg --pgxs)" ] && dev=yes
    ext=$(pg --sharedir)/extension
    have cc || printf '%s\n' gcc libc6-dev
    [ $dev = yes ] || echo "postgresql-server-dev-$v"
    echo '#include <sodium.h>' | cc -E - >/dev/null 2>&1 || echo libsodium-dev
    echo '#include <curl/curl.h>' | cc -E - >/dev/null 2>&1 || echo libcurl4-openssl-dev
    case $1 in
        check | stress | coverage | lint)
            perl -MIPC::Run -e1 2>/dev/null || echo libipc-run-perl ;;&
        check | coverage)
            [ $dev = yes ] && [ -f "$ext/pgtap.control" ] || echo "postgresql-$v-pgtap"
            have pg_prove || echo libtap-parser-sourcehandler-pgtap-perl ;;&
        check | stress | coverage | demo | bench | loadtest)
            [ $dev = yes ] && [ -x "$(pg --bindir)/initdb" ] && [ -x "$(pg --bindir)/pgbench" ] && [ -f "$ext/pg_trgm.control" ] || echo "postgresql-$v" ;;
        lint)
            have cppcheck || echo cppcheck
            have clang-tidy || echo clang-tidy ;;
    esac
    [ "$1" != loadtest ] || have pgbouncer || [ -x /usr/sbin/pgbouncer ] || echo pgbouncer
    [ "$1" != bench ] || have curl || echo curl
    [ "$1" != coverage ] || have lcov || echo lcov
}

mapfile -t wanted < <(missing "$1")
if [ ${#wanted[@]} != 0 ]; then
    root=()
    if [ "$(id -u)" != 0 ]; then root=(sudo); fi
    if ! have apt-get || { [ "$(id -u)" != 0 ] && ! have sudo; }; then
        echo "missing, and I may not install it (no root, no sudo, or no apt): ${wanted[*]}" >&2
        exit 1
    fi
    apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0)
    echo "installing packages, starting with the lists of what there is"
    "${apt[@]}" update
    mapfile -t wanted < <(missing "$1")
    echo "installing packages: ${wanted[*]}"
    out=$("${apt[@]}" install -y --no-install-recommends "${wanted[@]}" 2>&1) || { echo "$out" >&2; exit 1; }
fi
v=$(version)
if [ "${v:-0}" -lt 15 ]; then
    echo "swipesavvy needs PostgreSQL 15 or newer; this machine has, or offers, version ${v:-none} (see https://apt.postgresql.org)" >&2
    exit 1
fi
