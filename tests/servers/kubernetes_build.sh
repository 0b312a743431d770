#!/usr/bin/env bash
# Builds Kubernetes from Debian's source package with Debian's Go, below the user's cache, unless this version is there.
# No package has its servers, and this is the last source in Debian whose kubelet speaks to a Docker Engine.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/common.sh"
source "$here/debian.sh"

version=1.20.2
# Goes up when that version is built in another way.
build=1

built=$installed/kubernetes
work=$installed/kubernetes.work
# The place of the source is what its packages are called.
gopath=$work/go
source=$gopath/src/k8s.io/kubernetes

main() {
    # Makes keys at each start.
    command -v openssl >/dev/null || install_packages openssl
    [ "$(cat "$built/version" 2>/dev/null)" != "$version-$build" ] || return 0
    command -v gcc >/dev/null || install_packages gcc libc6-dev
    echo "building Kubernetes, once: this takes about four minutes on two idle cores" >&2
    rm -rf "$built" "$work"
    mkdir -p "$built/bin" "$work/tmp"
    fetch
    change
    describe_api
    compile
    gcc -Os -static -DVERSION="$version" -o "$built/bin/pause" "$source/build/pause/linux/pause.c"
    cp "$work/root/usr/bin/etcd" "$built/bin/"
    rm -rf "$work"
    echo "$version-$build" >"$built/version"
}

fetch() {
    debian_begin "$work/debian"
    debian_apt "$work/debian" source --download-only kubernetes
    debian_unpack "$work/debian" "$work/root" golang-1.19-go golang-1.19-src golang-github-modern-go-reflect2-dev etcd-server
    mkdir -p "$source"
    tar -xf "$work"/debian/kubernetes_*.orig.tar.gz -C "$source" --strip-components 1
}

# Mends what does not work here.
change() {
    # Its own reflect2 is older than this Go and crashes with it ("fault in mapiternext").
    local reflect2=$source/vendor/github.com/modern-go/reflect2
    rm -rf "$reflect2"
    cp -rL "$work/root/usr/share/gocode/src/github.com/modern-go/reflect2" "$reflect2"
    # Tests run in containers and virtual machines too, which may not keep a process from being killed when memory runs
    # out. Pods would not start for it.
    sed -i -E 's/^(\s*defaultSandboxOOMAdj int = )-998$/\10/' "$source/pkg/kubelet/dockershim/docker_sandbox.go"
    sed -i -E 's/^(\s*guaranteedOOMScoreAdj int = )-997$/\10/' "$source/pkg/kubelet/qos/policy.go"
    # The Docker Engine may be the user's, and is not touched.
    sed -i '/^func EnsureDockerInContainer/a return nil' "$source/pkg/kubelet/cm/container_manager_linux.go"
}

# Generates the one file that the source package lacks.
describe_api() {
    local packages
    packages=$(
        cd "$source"
        grep -rl --include='*.go' '+k8s:openapi-gen=' pkg staging/src/k8s.io | xargs -n1 dirname | sort -u |
            grep -vE '/(code-generator|sample-apiserver|testapigroup)/' |
            sed 's,^staging/src/,vendor/,; s,^,k8s.io/kubernetes/,' | paste -sd,
    )
    with_go go run k8s.io/kubernetes/vendor/k8s.io/kube-openapi/cmd/openapi-gen \
        --go-header-file hack/boilerplate/boilerplate.generatego.txt --output-base "$gopath/src" \
        -O zz_generated.openapi -p k8s.io/kubernetes/pkg/generated/openapi -r "$work/violations" -i "$packages"
    # The list of known flaws is the same only when the same packages were read.
    diff "$work/violations" "$source/api/api-rules/violation_exceptions.list"
}

compile() {
    local fact package flags=(-s -w)
    # What its programs say of themselves and the API server says of all. Without, it would be a build in development.
    for package in component-base/version client-go/pkg/version; do
        for fact in gitVersion=v$version gitMajor=1 gitMinor=20 gitTreeState=clean; do
            flags+=(-X "k8s.io/kubernetes/vendor/k8s.io/$package.$fact")
        done
    done
    with_go go build -tags providerless -trimpath -ldflags "${flags[*]}" -o "$built/bin/" \
        k8s.io/kubernetes/cmd/{kube-apiserver,kube-controller-manager,kube-scheduler,kubelet}
}

# with_go COMMAND…: in the source, with nothing but Debian's Go. Whoever works on this machine goes first.
with_go() {
    local go=$work/root/usr/lib/go-1.19
    (
        cd "$source"
        nice env -i PATH="$go/bin:$PATH" HOME="$work" TMPDIR="$work/tmp" GOROOT="$go" GOPATH="$gopath" \
            GOCACHE="$work/cache" GO111MODULE=off GOPROXY=off GOTOOLCHAIN=local CGO_ENABLED=0 "$@"
    )
}

main
