#!/bin/sh
# Every check there is: format, lint, types, tests. CI runs this file; run it before you commit.
# It uses the Python on the path, so activate the environment that holds the extra `dev` first.
set -eu
cd "$(dirname "$0")/.."

# Pyright would otherwise ask the network whether there is a newer one.
export PYRIGHT_PYTHON_IGNORE_WARNINGS=1

set -x
python -m ruff format --check .
python -m ruff check .
# Types are read beside the tests: pyright takes minutes, and one core.
types=$(mktemp -d)
trap 'rm -rf "$types"' EXIT
python -m mypy >"$types/mypy" 2>&1 &
mypy=$!
python -m pyright --pythonpath "$(command -v python)" >"$types/pyright" 2>&1 &
pyright=$!
failed=0
python -m pytest --whole "$@" || failed=1
wait "$mypy" || failed=1
wait "$pyright" || failed=1
cat "$types/mypy" "$types/pyright"
exit "$failed"
