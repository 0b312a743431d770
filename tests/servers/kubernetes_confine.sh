#!/usr/bin/env bash
# Runs the kubelet in a mount namespace of its own, in which what it writes outside of its folder does not leave it.
# kubernetes_confine.sh KUBELET ARGUMENT…: in the kubelet's folder.
set -euo pipefail

# own PATH COPY: puts a copy in place of it, for this namespace only.
own() {
    mount --make-slave "$(findmnt --noheadings --output TARGET --target "$1")"
    mount --bind "$2" "$1"
}

# Names of logs by pod, and a socket, whose path would be too long elsewhere.
mkdir -p logs
own /var/log logs

# What it sets is for machines that are nothing but nodes.
for name in vm/{overcommit_memory,panic_on_oom} kernel/{panic,panic_on_oops} kernel/keys/root_{maxkeys,maxbytes} \
    net/bridge/bridge-nf-call-ip{,6}tables; do
    [ -e "/proc/sys/$name" ] || continue
    mkdir -p "settings/${name%/*}"
    cat "/proc/sys/$name" >"settings/$name"
    own "/proc/sys/$name" "settings/$name"
done

exec "$@"
