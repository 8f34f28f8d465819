#!/bin/sh
# Every check there is: format, lint, types, tests. CI runs this file; run it before you commit.
# It uses the Python on the path, so activate the environment that holds the extra `dev` first.
# MATDERIV_FRAMEWORKS names the Python that has torch and JAX, where that is another.
set -eu
cd "$(dirname "$0")/.."

# Pyright would otherwise ask the network whether there is a newer one.
export PYRIGHT_PYTHON_IGNORE_WARNINGS=1

set -x
python -m ruff format --check .
python -m ruff check .
# Beside the tests, and told after them: types, for pyright takes minutes and one core; and what torch
# and JAX run, in a process of its own, for JAX warns wherever a process that has loaded it is forked.
told=$(mktemp -d)
trap 'rm -rf "$told"' EXIT
python -m mypy >"$told/mypy" 2>&1 &
mypy=$!
python -m pyright --pythonpath "$(command -v python)" >"$told/pyright" 2>&1 &
pyright=$!
"${MATDERIV_FRAMEWORKS:-python}" -m pytest -n 0 -rs "$@" tests/test_frameworks.py tests/test_torch_modules.py \
  >"$told/frameworks" 2>&1 &
frameworks=$!
failed=0
python -m pytest --whole --ignore tests/test_frameworks.py --ignore tests/test_torch_modules.py "$@" || failed=1
wait "$mypy" || failed=1
wait "$pyright" || failed=1
wait "$frameworks" || failed=1
cat "$told/mypy" "$told/pyright" "$told/frameworks"
exit "$failed"
