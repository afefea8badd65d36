#!/usr/bin/env bash
# The load test, on the server that server.sh started.
set -euo pipefail
exec bash test/loadtest/loadtest.sh
