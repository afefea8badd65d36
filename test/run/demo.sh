#!/usr/bin/env bash
# The demonstration, on the server that server.sh started.
set -euo pipefail
exec bash test/demo/demo.sh
