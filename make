#!/bin/sh
# make, on a machine that may not have it: `./make demo` and `./make test` install what is missing.
set -eu
cd "$(dirname "$0")"
command -v make >/dev/null 2>&1 || tools/setup make
exec make "$@"
