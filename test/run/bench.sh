#!/usr/bin/env bash
# The benchmark, on the server that server.sh started; sandbox.sh takes the CSV outside.
set -euo pipefail
exec bash test/bench/bench.sh "$PWD/bench-$(date -u +%Y%m%d-%H%M%S).csv"
