#!/usr/bin/env bash
# Installs the programs of Debian's that tests use besides servers, where they are not there: a C compiler for static
# programs, a static shell for containers, and the client of SSH, by which an engine elsewhere is reached.
set -euo pipefail
source "$(cd "$(dirname "$0")" && pwd)/common.sh"

packages=()
command -v musl-gcc >/dev/null || packages+=(musl-tools)
command -v ssh >/dev/null || packages+=(openssh-client)
[ -x /bin/busybox ] || packages+=(busybox-static)
[ ${#packages[@]} = 0 ] || install_packages "${packages[@]}"
