#!/usr/bin/env bash
# Installs what the machine lacks, and says what. packages.sh check|demo|stress|bench|loadtest|coverage|lint|fresh
# Each thing is looked for by itself, where it is used: a PostgreSQL built from source will do as well as the packages, and a
# part of them (Debian's client brings pg_config and PGXS) does not stand for the rest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

have() { PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null 2>&1; }
header() { if have cc; then echo "#include <$1>" | cc -E - >/dev/null 2>&1; else compgen -G "/usr/include/$1" >/dev/null || compgen -G "/usr/include/*/$1" >/dev/null; fi; }
module() { perl -M"$1" -e1 2>/dev/null; }
pg() { "${PG_CONFIG:-pg_config}" "$1" 2>/dev/null || true; }
program() { [ -x "$(pg --bindir)/$1" ]; }
extension() { [ -f "$(pg --sharedir)/extension/$1.control" ]; }
server_here() { compgen -G '/usr/lib/postgresql/*/bin/postgres' | cut -d/ -f5 | sort -n | tail -n 1; }
offered() { apt-cache policy "$1" 2>/dev/null | awk '/Candidate:/ { sub(/^[0-9]+:/, "", $2); print int($2) }'; } # the major version

# The server's major version: that of the one pg_config builds for, else of the newest installed, else of the distribution's.
version() {
    local v
    if [ -f "$(pg --pgxs)" ]; then v=$(pg --version | sed 's/[^0-9]*\([0-9]*\).*/\1/'); else v=$(server_here); fi
    echo "${v:-$(offered postgresql)}"
}

missing() { # of what the tools for $1 use, the packages of that which is not there
    local v
    if [ "$1" = fresh ]; then have debootstrap || echo debootstrap; return; fi
    v=$(version)
    have make || echo make
    have cc && header stdio.h || printf '%s\n' gcc libc6-dev
    [ -f "$(pg --pgxs)" ] && [ -f "$(pg --includedir-server)/postgres.h" ] || echo "postgresql-server-dev-$v"
    header sodium.h || echo libsodium-dev
    header curl/curl.h || echo libcurl4-openssl-dev
    header gsl/gsl_cdf.h || echo libgsl-dev
    header linear.h || echo liblinear-dev
    case $1 in
        check | stress | coverage | lint)
            have prove && module Test::More && module JSON::PP || echo perl
            module IPC::Run || echo libipc-run-perl
            [ -f /etc/ssl/certs/ca-certificates.crt ] || echo ca-certificates ;;&
        check | coverage)
            extension pgtap || echo "postgresql-$v-pgtap"
            have pg_prove || echo libtap-parser-sourcehandler-pgtap-perl ;;&
        check | stress | coverage | demo | bench | loadtest)
            program postgres && program initdb && program pg_ctl && program pgbench && extension pg_trgm && extension cube || echo "postgresql-$v"
            program psql && program createdb || echo "postgresql-client-$v" ;;
        lint)
            have cppcheck || echo cppcheck
            have clang-tidy || echo clang-tidy
            have shellcheck || echo shellcheck
            have clang-format || [ "$(offered clang-format)" != 14 ] || echo clang-format ;; # the one version that lint.sh asks
    esac
    [ "$1" != loadtest ] || have pgbouncer || echo pgbouncer
    [ "$1" != bench ] || have curl || echo curl
    [ "$1" != coverage ] || have lcov || echo lcov
}

known() { # stops unless the server is one that swipesavvy is for, before anything is installed
    local v servers
    v=$(version)
    servers=$(sed -n 's/^SERVERS = //p' Makefile)
    [[ " $servers " != *" ${v:-none} "* ]] || return 0
    echo "swipesavvy is for PostgreSQL $servers; this machine has, or offers, version ${v:-none} (see https://apt.postgresql.org)" >&2
    exit 1
}

# Sizes as apt has them, in bytes to fetch and KiB on disk, of the packages that would come along.
sizes() {
    local new
    new=$("${apt[@]}" -s install --no-install-recommends "$@" | awk '/^Inst / { v = $3; if (v ~ /^\[/) v = $4; sub(/^\(/, "", v); print $2 "=" v }')
    # shellcheck disable=SC2086  # a list
    apt-cache show --no-all-versions $new 2>/dev/null | awk -v count="$(wc -w <<<"$new")" '
        /^Size:/ { fetched += $2 } /^Installed-Size:/ { disk += $2 }
        END { printf "%d packages, %.0f MB to fetch, %.0f MB on disk\n", count, fetched / 1e6, disk / 1e3 }'
}

# A cluster that Debian's server makes when it is installed would stay; whoever wants one makes it.
without_cluster=/etc/postgresql-common/createcluster.d/swipesavvy.conf
# shellcheck disable=SC2317  # called by the trap
allow_clusters() {
    "${root[@]}" rm -f "$without_cluster"
    "${root[@]}" rmdir --ignore-fail-on-non-empty "${without_cluster%/*}" /etc/postgresql-common 2>/dev/null || true
}
forbid_clusters() {
    trap allow_clusters EXIT
    "${root[@]}" mkdir -p "${without_cluster%/*}"
    echo 'create_main_cluster = false' | "${root[@]}" tee "$without_cluster" >/dev/null
}

progress() { # five lines for each of what apt does to a package
    awk -v total="$1" -v step="$(( ($1 + 4) / 5 ))" '
        function count(what) { n[what]++; if (n[what] % step == 0 || n[what] == total) { print "    " what " " n[what] " of " total; fflush() } }
        /^Get:/ { count("fetched") } /^Unpacking / { count("unpacked") } /^Setting up / { count("set up") }'
}

mapfile -t wanted < <(missing "$1")
if [ ${#wanted[@]} = 0 ]; then known; exit 0; fi

may_install() { have apt-get && { [ "$(id -u)" = 0 ] || { have sudo && { sudo -n true 2>/dev/null || sudo -v; }; }; }; } # the last asks for a password

root=()
if ! may_install; then
    known
    echo "missing: ${wanted[*]}; an administrator installs them with: apt-get install --no-install-recommends ${wanted[*]}" >&2
    exit 1
fi
if [ "$(id -u)" != 0 ]; then root=(sudo); fi
apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0)
log=$(mktemp)
echo "reading the lists of packages"
"${apt[@]}" -q update >"$log" 2>&1 || { cat "$log" >&2; rm -f "$log"; exit 1; }
known
mapfile -t wanted < <(missing "$1")
total=$(sizes "${wanted[@]}")
echo "installing ${wanted[*]}: with all that they need $total"
case " ${wanted[*]} " in *" postgresql-"*) forbid_clusters ;; esac
"${apt[@]}" install -y --no-install-recommends "${wanted[@]}" 2>&1 | tee "$log" | progress "${total%% *}" || { cat "$log" >&2; rm -f "$log"; exit 1; }
rm -f "$log"
if have pg_lsclusters && [ -z "$(pg_lsclusters -h)" ]; then
    echo "installed without a server of its own; \"pg_createcluster $(version) main --start\" (as root) makes one"
fi
