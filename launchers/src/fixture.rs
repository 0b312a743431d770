//! A job, as the tests of all kinds plan it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use longshore_protocol::id::{Digest, Tenant};
use longshore_protocol::limits::Limits;
use longshore_protocol::target::Target;

use crate::image::RuntimeImage;
use crate::kind::Kind;
use crate::launcher::{Entry, Job};
use crate::settings::{Change, Origin};

/// Its run.
pub(crate) const RUN: &str = "019d0000-0000-7000-8000-000000000001";
/// Where its ticket is.
pub(crate) const URL: &str = "https://b.example/runs/x?X-Amz-Signature=0123";

/// A job with these settings. The key `unset` takes the setting away that its value names.
pub(crate) fn job(kind: Kind, settings: &[(&str, &str)]) -> Job {
    let change = |(key, value): &(&str, &str)| match *key {
        "unset" => Change::unset(value, Origin::caller("--unset")).unwrap(),
        key => Change::typed(key, value, Origin::caller("--set")).unwrap(),
    };
    let changes: Vec<_> = settings.iter().map(change).collect();
    Job {
        run: RUN.parse().unwrap(),
        tenant: Tenant::default(),
        pool: "box".into(),
        flow: "say hello".into(),
        store_mark: "0123".into(),
        entry: Entry::Ticket { url: URL.into(), sha256: Digest::of(b"") },
        runtime: "/usr/bin/longshore-runtime".into(),
        image: Some(RuntimeImage {
            reference: "longshore-runtime:1-abc".into(),
            binary: "/usr/bin/longshore-runtime-image".into(),
            sha256: Digest::of(b"x"),
            target: Target::X86_64,
            labels: BTreeMap::new(),
        }),
        store_endpoint: None,
        needs_network: true,
        settings: kind.resolve(&changes).unwrap(),
        limits: Limits::default(),
        work_max: Duration::from_secs(100),
        secret_variables: BTreeSet::new(),
        labels: BTreeMap::new(),
    }
}

/// How a job without a ticket gets at its store.
pub(crate) fn by_itself(location: &str) -> Entry {
    Entry::Store {
        location: location.into(),
        tenant: Tenant::default(),
        run: RUN.parse().unwrap(),
        order: Digest::of(b""),
        content: vec!["components/sha256/00.wasm".into()],
        variables: BTreeSet::from(["AWS_ACCESS_KEY_ID".to_owned()]),
    }
}
