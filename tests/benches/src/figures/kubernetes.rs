//! Runs in a cluster, against a bare Job.

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, LogParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{Config, watcher};
use longshore_tests::servers::{Kubernetes, Namespace};
use serde_json::json;

use crate::docker::HELLO;
use crate::programs::{Programs, run};
use crate::table::{Table, timed};

const ROUNDS: usize = 15;

pub(crate) fn measure(programs: &Programs, table: &mut Table) {
    let namespace = Kubernetes::here().namespace();
    configure(programs, &namespace);
    run(programs.cli().args(["image", "load"]));
    let bare = Bare::new(&namespace);
    let mut times: [Vec<Duration>; 2] = Default::default();
    // The first of each is not measured: caches.
    for round in 0..=ROUNDS {
        let mut call = programs.cli();
        call.args(["--pool", "kubernetes", "run"]).arg(programs.guest("flows"));
        call.args(["add_one", "-p", "n=1"]);
        let ours = timed(|| assert_eq!(run(&mut call), b"2\n"));
        bare.clean();
        let theirs = timed(|| bare.hello());
        bare.clean();
        if round > 0 {
            times[0].push(ours);
            times[1].push(theirs);
        }
    }
    let [ours, theirs] = times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    });
    table.times("longshore run in Kubernetes / a bare Job", ours, theirs, 1.15);
}

fn configure(programs: &Programs, namespace: &Namespace) {
    let kubeconfig = namespace.kubeconfig(programs.folder.path(), |_| ());
    let folder = programs.folder.path().join(".config/longshore");
    std::fs::create_dir_all(&folder).unwrap();
    let text = format!(
        "[pools.kubernetes]\ntype = \"kubernetes\"\njob.kubeconfig = {:?}\njob.host_path_store = true\n",
        kubeconfig.display().to_string()
    );
    std::fs::write(folder.join("config.toml"), text).unwrap();
}

/// The cluster's API without anything of ours.
struct Bare {
    runtime: tokio::runtime::Runtime,
    jobs: Api<Job>,
    pods: Api<Pod>,
}

impl Bare {
    fn new(namespace: &Namespace) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = runtime.block_on(async {
            let config = Kubeconfig::read_from(namespace.cluster.kubeconfig()).unwrap();
            let options = KubeConfigOptions::default();
            let config = kube::Config::from_custom_kubeconfig(config, &options).await.unwrap();
            kube::Client::try_from(config).unwrap()
        });
        let name = &namespace.name;
        let (jobs, pods) = (Api::namespaced(client.clone(), name), Api::namespaced(client, name));
        Self { runtime, jobs, pods }
    }

    /// Until its output is known: create, watch, logs.
    fn hello(&self) {
        let job = json!({
            "metadata": { "name": "hello" },
            "spec": { "backoffLimit": 0, "template": { "spec": {
                "restartPolicy": "Never",
                "automountServiceAccountToken": false,
                "containers": [{
                    "name": "hello",
                    "image": HELLO,
                    "imagePullPolicy": "Never",
                    "command": ["/busybox", "echo", "hello"],
                }],
            } } },
        });
        let job = serde_json::from_value(job).unwrap();
        self.runtime.block_on(async {
            self.jobs.create(&PostParams::default(), &job).await.unwrap();
            let config = Config::default().labels("job-name=hello");
            let pods = watcher(self.pods.clone(), config).touched_objects();
            let ended = pods.try_filter(|pod| std::future::ready(has_ended(pod)));
            let pod = std::pin::pin!(ended).next().await.unwrap().unwrap();
            let name = pod.metadata.name.unwrap();
            let said = self.pods.logs(&name, &LogParams::default()).await.unwrap();
            assert_eq!(said, "hello\n");
        });
    }

    /// Removes all Jobs, and waits until their pods are gone.
    fn clean(&self) {
        self.runtime.block_on(async {
            let all = kube::api::ListParams::default();
            let params = DeleteParams::background();
            drop(self.jobs.delete_collection(&params, &all).await.unwrap());
            while !self.pods.list(&all).await.unwrap().items.is_empty() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
    }
}

fn has_ended(pod: &Pod) -> bool {
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    let state = statuses.and_then(|statuses| statuses.first()?.state.as_ref());
    state.is_some_and(|state| state.terminated.is_some())
}
