#!/usr/bin/env bash
# Static checks: cppcheck and clang-tidy over src/, shellcheck over the scripts, node --check over the
# operators' page, perl -c over the TAP tests.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
bash test/run/packages.sh lint || exit 1

status=0
run() { "$@" || { echo "failed: $1"; status=1; }; }
pg_config=${PG_CONFIG:-pg_config}
server=$("$pg_config" --includedir-server)
src_test=$(dirname "$("$pg_config" --pgxs)")/../test
jobs=$(nproc)
mapfile -t sources < <(find src -name '*.c' | sort)
mapfile -t scripts < <(find test src .ci -name '*.sh' -o -path .ci/run | sort)
mapfile -t tests < <(find test -name '*.p[lm]' | sort)

echo "cppcheck: ${#sources[@]} files"
run cppcheck --quiet --error-exitcode=1 --inline-suppr --suppressions-list=test/run/cppcheck.txt -j "$jobs" \
    --enable=warning,performance,portability --std=c99 -Isrc "${sources[@]}"

echo "clang-tidy: ${#sources[@]} files"
mkdir -p build
printf '%s\n' -std=gnu99 -D_GNU_SOURCE -isystem "$server" "-I$PWD/src" >build/compile_flags.txt
run xargs -0 -n 4 -P "$jobs" clang-tidy --quiet -p build < <(printf '%s\0' "${sources[@]}") 2>build/clang-tidy.log

echo "layers: which folder includes which"
run bash test/run/layers.sh

# Other versions lay a few lines out differently.
if clang-format --version 2>/dev/null | grep -q 'version 14\.'; then
    echo "clang-format: ${#sources[@]} files and their headers"
    mapfile -t formatted < <(find src -name '*.[ch]' | sort)
    run clang-format --dry-run -Werror "${formatted[@]}"
else
    echo "clang-format: skipped, there is no version 14"
fi

if command -v shellcheck >/dev/null; then
    echo "shellcheck: ${#scripts[@]} files"
    run shellcheck "${scripts[@]}"
else
    echo "shellcheck: skipped, it is not installed"
fi

if command -v node >/dev/null; then
    echo "node --check: the script of the operators' page"
    sed -e '/^import /d' -e 's/^export //' src/console/*.js >build/console.mjs # one script, in which a name stands for one thing
    run node --check build/console.mjs
else
    echo "node --check: skipped, there is no node"
fi

echo "perl -c: ${#tests[@]} files"
for test in "${tests[@]}"; do
    out=$(perl -c -I test/t/lib -I "$src_test/perl" "$test" 2>&1)
    if [ "$out" != "$test syntax OK" ]; then echo "$out"; status=1; fi
done

if [ $status = 0 ]; then echo "lint: no findings"; else echo "lint: FAILED"; fi
exit $status
