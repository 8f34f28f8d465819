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
python -m mypy
python -m pyright --pythonpath "$(command -v python)"
python -m pytest --whole "$@"
