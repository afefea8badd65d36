#!/usr/bin/env bash
# A released folder sql/X.Y.Z never changes: of each version that CHANGELOG.md gives a date, sql/FROZEN holds the hash.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export LC_ALL=C

status=0
while read -r version; do
    now=$(cd "sql/$version" && find . -name '*.sql' | sort | xargs -d '\n' sha256sum -- | sha256sum | cut -d' ' -f1)
    then=$(awk -v v="$version" '$1 == v { print $2 }' sql/FROZEN)
    if [ -z "$then" ]; then
        echo "sql/$version is released, but not in sql/FROZEN; add the line: $version $now"
        status=1
    elif [ "$then" != "$now" ]; then
        echo "sql/$version is released and has changed: put it back, and make the change in the next release's folder"
        status=1
    fi
done < <(sed -nE 's/^## \[?([0-9]+\.[0-9]+\.[0-9]+)\]? - [0-9]{4}-[0-9]{2}-[0-9]{2}.*/\1/p' CHANGELOG.md)
exit $status
