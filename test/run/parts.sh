#!/usr/bin/env bash
# parts.sh: real servers that the tests send to, where the machine has none: Debian's packages unpacked into build/parts, without
# installing them: no service is started, nothing elsewhere is written. sandbox.sh has a copy of build/parts/bin on its PATH.
# What cannot be had is said here, and skipped in the tests.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 0

parts=$PWD/build/parts
# GrowthBook's SDK, a client that the flags are held against.
sdk=$parts/growthbook
if command -v npm >/dev/null 2>&1 && [ ! -d "$sdk/node_modules/@growthbook/growthbook" ]; then
    mkdir -p "$parts/bin" && timeout 120 npm install --silent --no-audit --no-fund --prefix "$sdk" @growthbook/growthbook@1.7.0 >/dev/null 2>&1 ||
        echo "parts: no GrowthBook SDK (npm could not fetch it)"
fi
checker=$parts/openapi
if command -v npm >/dev/null 2>&1 && [ ! -d "$checker/node_modules/@seriousme/openapi-schema-validator" ]; then
    mkdir -p "$parts/bin" && timeout 120 npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$checker" @seriousme/openapi-schema-validator@2.11.0 >/dev/null 2>&1 ||
        echo "parts: no official schema of OpenAPI (npm could not fetch it)"
fi

# A browser is not fetched: only where there is one, what drives it and looks for barriers.
page=$parts/console
if command -v npm >/dev/null 2>&1 && { command -v chromium || command -v chromium-browser; } >/dev/null 2>&1 && [ ! -d "$page/node_modules/axe-core" ]; then
    mkdir -p "$parts/bin" && timeout 120 npm install --silent --no-audit --no-fund --prefix "$page" playwright-core@1.65.1 axe-core@4.14.1 >/dev/null 2>&1 ||
        echo "parts: no playwright-core and axe-core (npm could not fetch them)"
fi

have() { PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null 2>&1 || [ -x "$parts/bin/$1" ]; }

wanted=()
while read -r program packages path; do # one of these packages
    have "$program" || wanted+=("$program $packages $path")
done <<END
nginx nginx,nginx-core usr/sbin/nginx
prometheus-pushgateway prometheus-pushgateway usr/bin/prometheus-pushgateway
prometheus-alertmanager prometheus-alertmanager usr/bin/prometheus-alertmanager
promtool promtool,prometheus usr/bin/promtool
END
[ ${#wanted[@]} != 0 ] || exit 0

if ! mkdir -p "$parts/bin" || ! work=$(mktemp -d "$parts/new.XXXXXX"); then
    echo "parts: cannot write to $parts"
    exit 0
fi
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
mkdir "$work/debs"

# The machine's lists of packages may be missing or old; they are made anew in a place of our own, which needs no rights.
apt=(timeout 120 apt-get -qq -o APT::Sandbox::User= -o "Dir::Cache=$work/cache" -o Debug::NoLocking=1)
download() { (cd "$work/debs" && "${apt[@]}" download "$1" >>"$work/log" 2>&1); }
last_words() { grep . "$work/log" | tail -n 1; }
update() { # once; without a mirror nothing else is tried
    [ ! -d "$work/lists" ] || return 1
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
    apt+=(-o "Dir::State::lists=$work/lists")
    "${apt[@]}" update >>"$work/log" 2>&1 || { mirror=no; return 1; }
}

# Debian's program reads its templates in the one place where the package would have put them; the copy, in the directory where it is started.
move_templates() {
    local at=usr/share/prometheus/alertmanager
    cp "$1"/$at/*.tmpl "$1/usr/bin/prometheus-alertmanager" "$work/templates/" || return 1
    perl -0777 -pi -e 's{/usr/share/prometheus/alertmanager(?!/)}{"." . "/" x 33}ge' "$work/templates/prometheus-alertmanager" || return 1
    # shellcheck disable=SC2016  # for the new script
    printf '%s\n' '#!/bin/sh' 'cd "$(dirname "$0")/../alertmanager" && exec ./prometheus-alertmanager "$@"' >"$1/usr/bin/prometheus-alertmanager"
    rm -rf "$parts/alertmanager" && mv "$work/templates" "$parts/alertmanager"
}

take() { # program package path
    local debs root=$work/$2
    [ $mirror = yes ] || return 1
    download "$2" || { update && download "$2"; } || { why="$2: $(last_words)"; return 1; }
    debs=("$work/debs/$2"_*.deb)
    mkdir -p "$root" "$work/templates"
    dpkg-deb --fsys-tarfile "${debs[0]}" | tar -x -C "$root" --no-same-owner --wildcards "./$3" './usr/share/prometheus/alertmanager/*.tmpl' 2>/dev/null
    [ -x "$root/$3" ] || { why="the package $2 has no $3"; return 1; }
    if [ "$1" = prometheus-alertmanager ]; then move_templates "$root" || return 1; fi
    mv "$root/$3" "$parts/bin/$1"
}

mirror=yes
why=
for line in "${wanted[@]}"; do
    read -r program packages path <<<"$line"
    for package in ${packages//,/ }; do
        if take "$program" "$package" "$path"; then
            echo "parts: $program from Debian's package $package"
            continue 2
        fi
    done
    echo "parts: no $program ($why)"
done
exit 0
