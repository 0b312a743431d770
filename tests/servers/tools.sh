#!/usr/bin/env bash
# Installs the programs of Debian's that tests use besides servers, where they are not there: a C compiler for static
# programs, and a static shell for containers.
set -euo pipefail
source "$(cd "$(dirname "$0")" && pwd)/common.sh"

packages=()
command -v musl-gcc >/dev/null || packages+=(musl-tools)
[ -x /bin/busybox ] || packages+=(busybox-static)
[ ${#packages[@]} = 0 ] || install_packages "${packages[@]}"
