# A Kubernetes of one node, whose kubelet runs pods on the Docker Engine. For the other scripts of this folder.
# shellcheck shell=bash

# The container that holds the network of a pod. Pods are found by it when they are removed.
pause=longshore-tests/pause:1

# kubernetes PORT: starts all its programs; the port is the API server's.
kubernetes() {
    local folder="$state/kubernetes" bin="$installed/kubernetes/bin" ports
    kubernetes_may_start
    mkdir -p "$folder"
    mapfile -t ports < <(free_ports 3)
    kubernetes_secrets "$folder"
    tar -C "$bin" -c pause | docker import --change 'ENTRYPOINT ["/pause"]' - "$pause" >/dev/null

    launch kubernetes/etcd "$bin/etcd" --data-dir data --log-level error --logger zap \
        --listen-client-urls "http://127.0.0.1:${ports[0]}" --advertise-client-urls "http://127.0.0.1:${ports[0]}" \
        --listen-peer-urls "http://127.0.0.1:${ports[1]}" --initial-advertise-peer-urls "http://127.0.0.1:${ports[1]}" \
        --initial-cluster "default=http://127.0.0.1:${ports[1]}"
    launch kubernetes/apiserver "$bin/kube-apiserver" --etcd-servers "http://127.0.0.1:${ports[0]}" \
        --bind-address 127.0.0.1 --secure-port "$1" --cert-dir . --endpoint-reconciler-type none \
        --authorization-mode RBAC --token-auth-file "$folder/tokens" --service-cluster-ip-range 10.97.0.0/16 \
        --service-account-issuer https://kubernetes.tests --service-account-key-file "$folder/key.pem" \
        --service-account-signing-key-file "$folder/key.pem" --feature-gates TTLAfterFinished=true \
        --kubelet-preferred-address-types Hostname --kubelet-client-key "$folder/key.pem" \
        --kubelet-client-certificate "$folder/certificate.pem"
    kubernetes_wait "$1" api
    (umask 077 && kubernetes_kubeconfig "$1" >"$folder/kubeconfig")

    launch kubernetes/controllers "$bin/kube-controller-manager" --kubeconfig "$folder/kubeconfig" \
        --leader-elect=false --port 0 --secure-port 0 --service-account-private-key-file "$folder/key.pem" \
        --root-ca-file "$folder/apiserver/apiserver.crt" --flex-volume-plugin-dir plugins \
        --feature-gates TTLAfterFinished=true --kube-api-qps 50 --kube-api-burst 100
    launch kubernetes/scheduler "$bin/kube-scheduler" --kubeconfig "$folder/kubeconfig" --leader-elect=false \
        --port 0 --secure-port 0
    kubernetes_kubelet "$folder" "${ports[2]}"
    # Its programs hold the lock now, for as long as one of them runs, and no other server is to inherit it.
    exec 8>&-
}

# kubernetes_may_start: fails where it cannot, or must not, and sees to it that no other does until it has ended.
kubernetes_may_start() {
    local others
    exec 8>"$installed/kubernetes.lock"
    flock --nonblock 8 || fail "another set of test servers has Kubernetes on this machine, and there can be one"
    [ "$(id -u)" = 0 ] || fail "the test server kubernetes needs root, as its kubelet mounts the volumes of pods"
    engine_answers || fail "the test server kubernetes needs a Docker Engine: start one by tests/servers/docker.sh up"
    others=$(grep -lsx kubelet /proc/[0-9]*/comm | cut -d/ -f3 | paste -sd' ' || true)
    [ -z "$others" ] || fail "a kubelet runs on this machine already (process $others), and two would remove each other's pods"
}

# kubernetes_secrets FOLDER: a key that signs the tokens of service accounts and opens the kubelet to the API server, and
# the token of the administrator.
kubernetes_secrets() {
    (
        umask 077
        openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=kube-apiserver -days 30 -keyout "$1/key.pem" \
            -out "$1/certificate.pem" 2>/dev/null
        openssl rand -hex 16 >"$1/token"
        echo "$(cat "$1/token"),admin,admin,system:masters" >"$1/tokens"
    )
}

# kubernetes_kubeconfig PORT: the administrator's, with all that it needs in it.
kubernetes_kubeconfig() {
    cat <<-END
	apiVersion: v1
	kind: Config
	clusters:
	- name: tests
	  cluster:
	    server: https://127.0.0.1:$1
	    certificate-authority-data: $(base64 -w0 "$state/kubernetes/apiserver/apiserver.crt")
	users:
	- name: admin
	  user:
	    token: $(cat "$state/kubernetes/token")
	contexts:
	- name: tests
	  context:
	    cluster: tests
	    user: admin
	current-context: tests
	END
}

# kubernetes_kubelet FOLDER PORT
kubernetes_kubelet() {
    local own="$1/kubelet"
    mkdir -p "$own"/{root,certificates,dockershim,plugins}
    # The Docker Engine must see what the kubelet mounts for pods, and it has another view of mounts than the kubelet.
    mount --bind "$own/root" "$own/root"
    mount --make-shared "$own/root"
    launch kubernetes/kubelet unshare --mount --propagation unchanged "$here/kubernetes_confine.sh" \
        "$installed/kubernetes/bin/kubelet" --config "$here/kubernetes_kubelet.yaml" --kubeconfig "$1/kubeconfig" \
        --port "$2" --client-ca-file "$1/certificate.pem" --hostname-override localhost \
        --root-dir "$own/root" --cert-dir "$own/certificates" \
        --volume-plugin-dir "$own/plugins" --cni-conf-dir "$own/plugins" \
        --container-runtime docker --docker-endpoint "${DOCKER_HOST:-unix:///var/run/docker.sock}" \
        --cgroup-driver "$(docker info --format '{{.CgroupDriver}}')" --pod-infra-container-image "$pause" \
        --experimental-dockershim-root-directory "$own/dockershim" \
        --container-runtime-endpoint unix:///var/log/dockershim.sock
}

# kubernetes_wait PORT api|node: until the API server answers, or the node takes pods of the default service account.
kubernetes_wait() {
    local folder="$state/kubernetes"
    python3 "$here/kubernetes_wait.py" "https://127.0.0.1:$1" "$folder/apiserver/apiserver.crt" "$folder/token" "$2" \
        "$patience_s" ||
        fail "the test server kubernetes did not start on port $1; its logs are $folder/*/log"
}

# kubernetes_await PORT: waits until pods can run, and only then says where it is.
kubernetes_await() {
    kubernetes_wait "$1" node
    say_address kubernetes "https://127.0.0.1:$1"
}

# kubernetes_clean FOLDER: undoes what has an effect outside of its folder: containers of pods, and mounts for them.
kubernetes_clean() {
    local mounted="$1/kubelet/root" containers=()
    if engine_answers; then
        # Twice, as the engine may still have been about to start one.
        for _ in 1 2; do
            mapfile -t containers < <(kubernetes_containers)
            [ ${#containers[@]} = 0 ] || docker rm --force --volumes "${containers[@]}" >/dev/null 2>&1 || true
        done
        docker image rm --force "$pause" >/dev/null 2>&1 || true
    fi
    ! mountpoint --quiet "$mounted" || umount --recursive "$mounted"
}

# kubernetes_containers: the ids of all containers of pods.
kubernetes_containers() {
    local pods
    pods=$(docker ps --all --quiet --no-trunc --filter "ancestor=$pause")
    [ -n "$pods" ] || return 0
    echo "$pods"
    docker ps --all --format '{{.ID}} {{.Label "io.kubernetes.sandbox.id"}}' | grep -F "$pods" | cut -d' ' -f1
}
