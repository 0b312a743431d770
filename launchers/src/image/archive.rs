//! Binary → image, as a file that container engines and registries' tools read: the OCI layout, with the index that
//! `docker load` wants beside it. Pure.
//!
//! Sources: OCI image specification 1.1, <https://github.com/opencontainers/image-spec>; Docker image specification
//! 1.2, for `manifest.json`.

use base64::Engine as _;
use longshore_protocol::id::Digest;
use longshore_protocol::target::Target;
use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};

use super::{ENTRYPOINT, RuntimeImage, USER};

/// No time of making: the same content is the same image whenever it is made.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// An image, packed.
#[derive(Debug, Clone)]
pub struct Archive {
    /// What `docker load` and `skopeo` read.
    pub tar: Vec<u8>,
    /// What an engine calls the image: the digest of its configuration.
    pub id: Digest,
    /// What a registry calls it: the digest of its manifest.
    pub manifest: Digest,
}

impl Archive {
    pub(super) fn new(binary: &[u8], image: &RuntimeImage) -> Self {
        let layer = layer(binary);
        let layer_digest = Digest::of(&layer);
        let config = text(&config(image, &layer_digest));
        let id = Digest::of(&config);
        let manifest = text(&json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("application/vnd.oci.image.config.v1+json", &id, &config),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", &layer_digest, &layer)],
        }));
        let manifest_digest = Digest::of(&manifest);
        let mut index =
            descriptor("application/vnd.oci.image.manifest.v1+json", &manifest_digest, &manifest);
        index["annotations"] = json!({ "org.opencontainers.image.ref.name": image.reference });
        let index = text(&json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [index],
        }));
        let for_docker = text(&json!([{
            "Config": blob(&id),
            "RepoTags": [image.reference],
            "Layers": [blob(&layer_digest)],
        }]));
        let mut files = [
            (blob(&id), config),
            (blob(&layer_digest), layer),
            (blob(&manifest_digest), manifest),
            ("index.json".to_owned(), index),
            ("manifest.json".to_owned(), for_docker),
            ("oci-layout".to_owned(), text(&json!({ "imageLayoutVersion": "1.0.0" }))),
        ];
        files.sort();
        let files = files.iter().map(|(path, content)| Entry::file(path, 0o644, content));
        let folders = ["blobs/", "blobs/sha256/"].map(|path| Entry::folder(path, 0o755));
        Self { tar: pack(folders.into_iter().chain(files)), id, manifest: manifest_digest }
    }
}

fn blob(digest: &Digest) -> String {
    format!("blobs/sha256/{digest}")
}

fn descriptor(kind: &str, digest: &Digest, content: &[u8]) -> Value {
    json!({ "mediaType": kind, "digest": format!("sha256:{digest}"), "size": content.len() })
}

fn text(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).expect("it has string keys only, so it is always JSON")
}

fn config(image: &RuntimeImage, layer: &Digest) -> Value {
    // The names of Go's processors, which images have.
    let architecture = match image.target {
        Target::Aarch64 => "arm64",
        Target::X86_64 | Target::Native => "amd64",
    };
    json!({
        "architecture": architecture,
        "os": "linux",
        "created": CREATED,
        "config": {
            "User": USER,
            "Entrypoint": [ENTRYPOINT],
            "WorkingDir": "/",
            "Labels": image.labels,
        },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{layer}")] },
        "history": [{ "created": CREATED, "created_by": "longshore image build" }],
    })
}

/// All that is in the image.
fn layer(binary: &[u8]) -> Vec<u8> {
    let (user, group) = USER.split_once(':').expect("it is written above, with a colon");
    let passwd = format!("longshore:x:{user}:{group}::/:/nonexistent\n");
    let names = format!("longshore:x:{group}:\n");
    let certificates = certificates();
    pack([
        Entry::folder("etc/", 0o755),
        Entry::file("etc/group", 0o644, names.as_bytes()),
        Entry::file("etc/passwd", 0o644, passwd.as_bytes()),
        Entry::folder("etc/ssl/", 0o755),
        Entry::folder("etc/ssl/certs/", 0o755),
        Entry::file("etc/ssl/certs/ca-certificates.crt", 0o644, certificates.as_bytes()),
        Entry::file(ENTRYPOINT.trim_start_matches('/'), 0o755, binary),
        Entry::folder("tmp/", 0o1777),
    ])
}

/// The certificates of public authorities in the form that every TLS library reads.
fn certificates() -> String {
    const LINE: usize = 64;
    let mut pem = String::new();
    for certificate in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        let text = base64::engine::general_purpose::STANDARD.encode(certificate);
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        for line in text.as_bytes().chunks(LINE) {
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
    }
    pem
}

/// A file or folder in an archive.
struct Entry<'a> {
    path: &'a str,
    mode: u32,
    /// `None`: it is a folder.
    content: Option<&'a [u8]>,
}

impl<'a> Entry<'a> {
    fn file(path: &'a str, mode: u32, content: &'a [u8]) -> Self {
        Self { path, mode, content: Some(content) }
    }

    fn folder(path: &'a str, mode: u32) -> Self {
        Self { path, mode, content: None }
    }
}

fn pack<'a>(entries: impl IntoIterator<Item = Entry<'a>>) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    for Entry { path, mode, content } in entries {
        let mut header = Header::new_ustar();
        header.set_entry_type(if content.is_some() {
            EntryType::Regular
        } else {
            EntryType::Directory
        });
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        let content = content.unwrap_or_default();
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, path, content)
            .expect("all paths are short, and memory can be written");
    }
    tar.into_inner().expect("memory can be written")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::io::Read as _;

    fn image() -> RuntimeImage {
        RuntimeImage {
            reference: "longshore-runtime:1".into(),
            binary: "/x".into(),
            sha256: Digest::of(b"binary"),
            target: Target::Aarch64,
            labels: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
        }
    }

    fn files(tar: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let mut archive = tar::Archive::new(tar);
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            assert_eq!((entry.header().mtime().unwrap(), entry.header().uid().unwrap()), (0, 0));
            let path = entry.path().unwrap().to_string_lossy().into_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (path, content)
        });
        entries.collect()
    }

    #[test]
    fn every_digest_in_it_is_that_of_what_it_names() {
        let archive = Archive::new(b"binary", &image());
        let files = files(&archive.tar);
        let json = |name: &str| serde_json::from_slice::<Value>(&files[name]).unwrap();
        for (path, content) in files.iter().filter(|(_, content)| !content.is_empty()) {
            if let Some(digest) = path.strip_prefix("blobs/sha256/") {
                assert_eq!(Digest::of(content).to_string(), digest);
            }
        }
        let manifest = json("index.json")["manifests"][0]["digest"].as_str().unwrap().to_owned();
        assert_eq!(manifest, format!("sha256:{}", archive.manifest));
        let manifest = json(&blob(&archive.manifest));
        assert_eq!(manifest["config"]["digest"], format!("sha256:{}", archive.id));
        let config = json(&blob(&archive.id));
        assert_eq!(manifest["layers"][0]["digest"], config["rootfs"]["diff_ids"][0]);
        assert_eq!(config["architecture"], "arm64");
        assert_eq!(config["config"]["Labels"]["a"], "b");
        let for_docker = json("manifest.json");
        assert_eq!(for_docker[0]["Config"], blob(&archive.id));
        let layer = &files[for_docker[0]["Layers"][0].as_str().unwrap()];
        let layer = self::files(layer);
        assert_eq!(layer["longshore-runtime"], b"binary");
        let certificates =
            String::from_utf8(layer["etc/ssl/certs/ca-certificates.crt"].clone()).unwrap();
        let count = certificates.matches("BEGIN CERTIFICATE").count();
        assert_eq!(count, webpki_root_certs::TLS_SERVER_ROOT_CERTS.len());
    }

    #[test]
    fn the_same_content_is_the_same_image_and_another_is_another() {
        let one = Archive::new(b"binary", &image());
        assert_eq!(one.tar, Archive::new(b"binary", &image()).tar);
        assert_ne!(one.id, Archive::new(b"binarz", &image()).id);
        let labels = BTreeMap::from([("a".to_owned(), "c".to_owned())]);
        assert_ne!(one.id, Archive::new(b"binary", &RuntimeImage { labels, ..image() }).id);
    }
}
