#!/usr/bin/env bash
# Which folder of src/ may include which: its own and those named before it. Part of make lint; doc/internals.md has the drawing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
layers='base direct call audit outbox rules ledger engine signin users merchants programme flags campaigns experiments points purchases analytics places learning health operations routes'
libraries='worker http gsl learn'     # of their own: of ours they include base/ and one another

# shellcheck disable=SC2016  # for awk
find src -name '*.[ch]' -print0 | sort -z | xargs -0 awk -v layers="$layers" -v libraries="$libraries" '
    BEGIN {
        n = split(layers, l); for (i = 1; i <= n; i++) level[l[i]] = i
        n = split(libraries, l); for (i = 1; i <= n; i++) library[l[i]] = 1
    }
    FNR == 1 {
        n = split(FILENAME, path, "/"); mine = n == 2 ? "" : path[2]        # src/swipesavvy.c puts it all together
        if (mine != "" && !(mine in level) && !(mine in library)) { print FILENAME ": src/" mine "/ is in no layer"; bad = 1 }
        if (seen[path[n]]++) { print FILENAME ": a second file of that name, and the server logs no folders"; bad = 1 }
    }
    /^#include "[a-z_]+\// {
        split($2, name, /["\/]/); theirs = name[2]
        if (!(theirs in level) && !(theirs in library)) next                # a header of the server
        if (mine in library ? theirs != "base" && !(theirs in library) : mine != "" && !(theirs in level && level[theirs] <= level[mine])) {
            print FILENAME ":" FNR ": " mine "/ may not include " $2; bad = 1
        }
    }
    END { exit bad }'
