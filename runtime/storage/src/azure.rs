//! Azure's shared access signatures with the permission to create: `object_store` signs `w` for every PUT, which may
//! overwrite as well.
//!
//! Source: "Create a service SAS", Azure Storage REST API, version 2021-08-06.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, Mac as _};
use object_store::azure::AzureConfigKey;
use sha2::Sha256;
use url::Url;

use crate::Provider;
use crate::options::Key;

const VERSION: &str = "2021-08-06";

/// An account with its key.
#[derive(Clone)]
pub(crate) struct AccountKey {
    account: String,
    key: Vec<u8>,
}

impl std::fmt::Debug for AccountKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("AccountKey").field("account", &self.account).finish_non_exhaustive()
    }
}

impl AccountKey {
    pub(crate) fn of(options: &BTreeMap<String, String>) -> Option<Self> {
        let value = |wanted: AzureConfigKey| {
            let is_wanted =
                |name: &str| Key::parse(Provider::Azure, name) == Ok(Key::Azure(wanted));
            options.iter().find(|(name, _)| is_wanted(name)).map(|(_, value)| value)
        };
        let account = value(AzureConfigKey::AccountName)?.clone();
        let key = BASE64_STANDARD.decode(value(AzureConfigKey::AccessKey)?).ok()?;
        Some(Self { account, key })
    }

    /// The same URL with a signature that lets its holder create, not overwrite. Whose path and time these are,
    /// `object_store` has decided.
    pub(crate) fn only_create(&self, mut url: Url) -> Url {
        let expires =
            url.query_pairs().find(|(name, _)| name == "se").map(|(_, value)| value.into_owned());
        let expires = expires.unwrap_or_default();
        let path = self.canonical(url.path());
        // In this order: start, expiry, resource, policy, address, protocol, version, kind, snapshot, encryption
        // scope, and five headers of the answer. Empty: not restricted.
        let message = format!("c\n\n{expires}\n{path}\n\n\n\n{VERSION}\nb\n\n\n\n\n\n\n");
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("any length of key will do");
        mac.update(message.as_bytes());
        let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
        url.query_pairs_mut()
            .clear()
            .append_pair("sv", VERSION)
            .append_pair("sr", "b")
            .append_pair("sp", "c")
            .append_pair("se", &expires)
            .append_pair("sig", &signature);
        url
    }

    /// `/blob/<account>/<container>/<name>`: an emulator's URLs have the account in their path, Azure's in their host.
    fn canonical(&self, path: &str) -> String {
        let path = path.trim_start_matches('/');
        let in_path = path.strip_prefix(&self.account).and_then(|rest| rest.strip_prefix('/'));
        format!("/blob/{}/{}", self.account, in_path.unwrap_or(path))
    }
}
