//! Settings of jobs that are Docker containers.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::image::Pull;
use crate::settings::{
    AbsolutePath, Cpus, Integer, OneOf, SettingType, Shape, Size, Variables, settings,
};

/// A volume or folder in the container: `source:target`, with `:ro` or other options of Docker's behind it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Volumes(pub Vec<String>);

impl SettingType for Volumes {
    fn shape() -> Shape {
        Shape::List
    }

    fn read(value: &Value) -> Result<Self, String> {
        let volumes = Vec::<String>::read(value)?;
        match volumes.iter().find(|volume| !is_volume(volume)) {
            Some(volume) => Err(format!(
                "{volume:?} is not a volume; write \"source:/target\" or \"source:/target:ro\""
            )),
            None => Ok(Self(volumes)),
        }
    }

    fn write(&self) -> Value {
        self.0.write()
    }
}

fn is_volume(text: &str) -> bool {
    let parts: Vec<_> = text.split(':').collect();
    let is_named = |source: &str| {
        source.starts_with(|first: char| first.is_ascii_alphanumeric())
            && source.chars().all(|one| one.is_ascii_alphanumeric() || "_.-".contains(one))
    };
    match parts[..] {
        [source, target] | [source, target, _] => {
            let options = parts.get(2).is_none_or(|options| !options.is_empty());
            (source.starts_with('/') || is_named(source)) && target.starts_with('/') && options
        }
        _ => false,
    }
}

settings! {
    /// What can be set about a container.
    pub struct DockerSettings {
        /// The image. Default: the runtime of this release, made on this machine where the engine does not have it.
        guarded image: Option<String> = None,
        /// When the image is fetched from its registry.
        guarded image_pull_policy: OneOf<Pull> = OneOf(Pull::IfNotPresent),
        /// Where the name and password for the image's registry are: config (as the docker client finds them), env:PREFIX (PREFIX_USERNAME and PREFIX_PASSWORD), or file:/path (JSON with username and password).
        guarded registry_credentials: Option<String> = None,
        /// The engine: unix://, tcp:// or ssh://. Default: as for the docker client (DOCKER_HOST, DOCKER_CONTEXT, its current context).
        guarded host: Option<String> = None,
        /// The docker client's context that names the engine.
        guarded context: Option<String> = None,
        /// The beginning of the container's name; the id of the run follows. Default: longshore.
        free name: Option<String> = None,
        /// Labels of the container, beside Longshore's own.
        free labels: BTreeMap<String, String> = BTreeMap::new(),
        /// The environment of the runtime. A flow sees only what it is granted.
        guarded env: Variables = Variables::default(),
        /// What the container starts in place of the image's own program; the runtime's arguments follow.
        guarded command: Vec<String> = Vec::new(),
        /// The folder in which the container's program starts.
        guarded working_dir: Option<AbsolutePath> = None,
        /// Whom the container runs as: a number, or two as in 1000:1000. Default: nobody in particular, or the owner of the store where that is a directory.
        guarded user: Option<String> = None,
        /// The container's network: none, bridge, host, container:NAME or the name of one. Default: none, or bridge where the flow has network grants or the store is not a directory.
        guarded network_mode: Option<String> = None,
        /// Networks that the container joins, in place of the usual one.
        guarded networks: Vec<String> = Vec::new(),
        /// Volumes and folders of the engine's machine, as in /data:/data:ro.
        guarded volumes: Volumes = Volumes::default(),
        /// The container's memory. Default: what the flow's limits add up to, and what the runtime takes.
        guarded memory: Option<Size> = None,
        /// Memory and swap together. Default: as memory, so no swap.
        guarded memory_swap: Option<Size> = None,
        /// Processors, for example 1.5. A flow has one thread.
        guarded cpus: Option<Cpus> = None,
        /// Processes and threads.
        guarded pids_limit: Option<Integer<16, 4_194_304>> = None,
        /// Whether the container has all rights on the engine's machine. Never needed by a flow.
        guarded privileged: bool = false,
        /// Whether a small program of Docker's is the container's first process, forwards signals and reaps what others leave behind. Without it, that is up to the runtime.
        guarded init: bool = true,
        /// Whether the container is removed when its run has an outcome. One that ended without is kept: it is what explains why.
        free auto_remove: bool = true,
        /// Whether longshore run shows the output of the container itself. The log of the flow is always shown.
        free stream_output: bool = false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_are_checked_before_docker_sees_them() {
        for volume in ["/data:/data", "/data:/data:ro", "cache:/cache", "a_b.c-1:/x:rw,z"] {
            assert!(is_volume(volume), "{volume}");
        }
        for volume in
            ["/data", "data:data", "./data:/data", ":/data", "/data:", "/a:/b:", "/a:/b:ro:x"]
        {
            assert!(!is_volume(volume), "{volume}");
        }
    }
}
