//! The double of Azure, as somebody has it who may look behind it.

use serde_json::{Value, json};

use super::cloud::control;
use super::{Proxy, address, bucket};

/// What all applications have for a secret.
const SECRET: &str = "hush-hush";

/// The double that `tests/servers/up.sh cloud` has started, and a subscription in it that nobody else has.
#[derive(Debug)]
pub struct Azure {
    /// The subscription.
    pub subscription: String,
    /// Whoever launches in it: an application.
    pub caller: String,
    double: String,
    /// What is between a launcher and the double: it counts, and breaks what is asked for.
    pub proxy: Proxy,
}

impl Azure {
    /// A fresh subscription.
    #[track_caller]
    pub fn subscription() -> Self {
        let double = address("cloud");
        let own = format!("{:016x}", bucket::random());
        let proxy = Proxy::before(&double);
        Self { subscription: format!("sub-{own}"), caller: format!("app-{own}"), double, proxy }
    }

    /// What is around a launcher that is this application.
    pub fn variables(&self) -> Vec<(String, String)> {
        let pairs = [
            ("AZURE_AUTHORITY_HOST", self.double.as_str()),
            ("AZURE_TENANT_ID", "tests"),
            ("AZURE_CLIENT_ID", &self.caller),
            ("AZURE_CLIENT_SECRET", SECRET),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }

    /// The settings that lead there. It is looked at more often than Azure would like, as tests do not wait.
    pub fn settings(&self, image: &str) -> Vec<(&'static str, String)> {
        let settings = [
            ("subscription_id", self.subscription.as_str()),
            ("resource_group_name", "tests"),
            ("location", "westeurope"),
            ("image", image),
            ("endpoint", &self.proxy.url()),
            ("task_watch_poll_interval", "1s"),
        ];
        settings.map(|(key, value)| (key, value.to_owned())).to_vec()
    }

    /// Lets the double do something that no client can ask for: see `tests/servers/cloud_double/control.py`.
    #[track_caller]
    pub fn control(&self, what: &str, body: &Value) -> Value {
        control(&self.double, what, body)
    }

    /// How groups that are created from now on behave: `hidden_s`, `future`, `cannot_pull`, `quota`.
    #[track_caller]
    pub fn set(&self, how: &Value) {
        let mut body = how.clone();
        body["subscription"] = self.subscription.clone().into();
        self.control("aci-set", &body);
    }

    /// How often each group was started whose name begins so.
    #[track_caller]
    pub fn starts(&self, name: &str) -> Vec<usize> {
        let found = self.groups(name)["groups"].clone();
        let found = found.as_object().expect("they have names").clone();
        found.values().filter_map(Value::as_u64).filter_map(|it| it.try_into().ok()).collect()
    }

    /// The containers of the groups whose names begin so.
    #[track_caller]
    pub fn containers(&self, name: &str) -> Vec<String> {
        let found = self.groups(name)["containers"].clone();
        serde_json::from_value(found).expect("they are texts")
    }

    #[track_caller]
    fn groups(&self, name: &str) -> Value {
        self.control("aci-groups", &json!({ "subscription": self.subscription, "name": name }))
    }
}
