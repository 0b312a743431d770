#!/usr/bin/env bash
# Installs the test servers below the user's cache, unless these versions are there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/common.sh"

azurite=3.37.0

versions=$(cat "$here/requirements.txt" && echo "azurite==$azurite")
mkdir -p "$installed"
exec 9>"$installed/lock"
flock 9
if [ "$(cat "$installed/versions" 2>/dev/null)" = "$versions" ]; then
    exit 0
fi

missing=()
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
node --version >/dev/null 2>&1 || missing+=(nodejs)
npm --version >/dev/null 2>&1 || missing+=(npm)
[ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"

rm -rf "$installed/python" "$installed/npm" "$installed/versions"
python3 -m venv "$installed/python"
"$installed/python/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
npm install --silent --no-audit --no-fund --no-update-notifier --prefix "$installed/npm" "azurite@$azurite"
echo "$versions" >"$installed/versions"
