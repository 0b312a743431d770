//! What a run may use: what the flow asks for, as far as its pool allows.

use std::collections::BTreeMap;

use longshore_protocol::descriptor::FlowDescriptor;
use longshore_protocol::grants::{
    Asks, FilePattern, FilesPolicy, Grants, Policy, SecretAsk, SecretGrant, SecretSource,
};
use longshore_protocol::limits::{LimitSet, Limits, Origin, resolve};
use longshore_protocol::record::{JobRecord, Order};

use super::Pool;
use crate::kind::Kind;
use crate::settings::{self, Change, JobSettings, Patch};
use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind};

/// What whoever starts a run says besides.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Other limits than those that the flow asks for.
    pub limits: LimitSet,
    /// What flows may be granted in a pool that leaves it open.
    pub allow: Asks,
    /// Whether a flow may be granted all that it asks for in a pool that leaves it open.
    pub allow_all: bool,
    /// Whether a flow may have all the files that it asks for in a pool that leaves it open.
    pub allow_files: bool,
    /// Whether it has the files of an earlier run.
    pub repeats_files: bool,
    /// Files to have with it besides those that the flow asks for.
    pub include: Vec<FilePattern>,
    /// Values of environment variables, instead of those around the launcher.
    pub env: BTreeMap<String, String>,
    /// Where secrets are read, instead of the environment variable of the same name.
    pub secrets: BTreeMap<String, SecretSource>,
    /// Job settings, the last one goes first.
    pub job: Vec<Change>,
    /// What is changed in the job's request, after the pool's patches.
    pub patches: Vec<Patch>,
}

impl Overrides {
    /// What leads to the same terms as those of an earlier run, if its pool still allows them.
    ///
    /// # Errors
    /// When what its job's record says of settings is not understood.
    pub fn repeating(order: &Order, job: Option<&JobRecord>) -> Result<Self, Error> {
        let again = settings::Origin::caller(format!("run {}", order.run.short()));
        let wrong = |why| Error::new(ErrorKind::Store, format!("{again}: its job record: {why}"));
        let (settings, patches) = match job {
            Some(job) => {
                (Change::of_table(&job.settings, &again).map_err(wrong)?, &job.patches[..])
            }
            None => (Vec::new(), &[][..]),
        };
        let patches = patches.iter().map(|patch| Patch::new(patch, again.clone()));
        let Grants { network, env, secrets } = &order.grants;
        let asks = Asks {
            network: network.clone(),
            env: env.keys().cloned().collect(),
            secrets: secrets
                .iter()
                .map(|(name, grant)| SecretAsk {
                    name: name.clone(),
                    only_to: grant.only_to.clone(),
                })
                .collect(),
            // What the flow had set is the caller's now, and so needs no allowance.
            job: Vec::new(),
            // They are taken from the store, whichever they were.
            files: vec![],
        };
        Ok(Self {
            limits: order.limits.to_set(),
            allow: asks,
            allow_all: false,
            allow_files: true,
            repeats_files: order.files.is_some(),
            include: vec![],
            env: env.clone(),
            secrets: secrets
                .iter()
                .map(|(name, grant)| (name.clone(), grant.from.clone()))
                .collect(),
            job: settings,
            patches: patches.collect::<Result<_, _>>()?,
        })
    }
}

/// The terms on which a run is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// What it may use.
    pub limits: Limits,
    /// What it may do.
    pub grants: Grants,
    /// What is set about its job.
    pub settings: JobSettings,
}

impl Pool {
    /// Decides what a run of `flow` may use and do in this pool.
    ///
    /// # Errors
    /// When the flow or the overrides ask for more than the pool allows, or a variable that is granted has no value.
    pub fn admit(
        &self,
        flow: &FlowDescriptor,
        overrides: &Overrides,
        surroundings: &Surroundings,
    ) -> Result<Admitted, Error> {
        let asked = flow.asked_limits()?;
        let origins = [
            Origin { who: format!("the pool {} itself", self.name), set: &self.limits },
            Origin { who: format!("the flow {}", flow.name), set: &asked },
            Origin { who: "the command line".to_owned(), set: &overrides.limits },
        ];
        let limits = resolve(&origins, &self.name, &self.ceiling).map_err(|error| {
            let hint = format!("ask for less, or have [pools.{}.ceiling] raised", self.name);
            Error::from(error).hint(hint)
        })?;
        let asked = of_flow(flow, self.kind)?;
        let settings = self.kind.resolve(self.job.iter().chain(&asked).chain(&overrides.job))?;
        let asks = Asks { job: settings.to_be_allowed(), ..flow.asks()? };
        self.check_grants(flow, &asks, overrides)?;
        self.check_included(overrides)?;
        let grants = self.grants_for(flow, asks, overrides, surroundings)?;
        Ok(Admitted { limits, grants, settings })
    }

    fn check_grants(
        &self,
        flow: &FlowDescriptor,
        asks: &Asks,
        overrides: &Overrides,
    ) -> Result<(), Error> {
        let refused = match &self.grants {
            Some(policy) => policy.refused(asks),
            None if overrides.allow_all => return Ok(()),
            None => {
                let files =
                    if overrides.allow_files { FilesPolicy::All } else { FilesPolicy::None };
                let mut policy = Policy { files, ..Policy::default() };
                policy.allow(&overrides.allow);
                policy.refused(asks)
            }
        };
        let Some(first) = refused.first() else { return Ok(()) };
        let text = format!(
            "the flow {} asks for grants that the pool {} does not give: {}",
            flow.name,
            self.name,
            refused.join(", ")
        );
        let error = Error::new(ErrorKind::BadInput, text);
        Err(match &self.grants {
            Some(_) => error.hint(format!("have them added to [pools.{}.grants]", self.name)),
            None => error.hint(format!(
                "allow each, for example --allow \"{}\", or all of them with --allow all",
                first.replacen(' ', "=", 1)
            )),
        })
    }

    /// Whoever types a command may ship own files, unless the pool says what may be shipped.
    fn check_included(&self, overrides: &Overrides) -> Result<(), Error> {
        let refused = match &self.grants {
            // Of them, the patterns are not known any more.
            Some(policy) if overrides.repeats_files && policy.files.is_none() => {
                vec!["those of the earlier run".to_owned()]
            }
            Some(policy) => policy.refused_files(&overrides.include),
            None => vec![],
        };
        if refused.is_empty() {
            return Ok(());
        }
        let (name, refused) = (&self.name, refused.join(", "));
        let text = format!(
            "the command line includes files that the pool {name} does not give: {refused}"
        );
        Err(Error::new(ErrorKind::BadInput, text)
            .hint(format!("have files = true added to [pools.{name}.grants]")))
    }

    fn grants_for(
        &self,
        flow: &FlowDescriptor,
        asks: Asks,
        overrides: &Overrides,
        surroundings: &Surroundings,
    ) -> Result<Grants, Error> {
        let Asks { network, env, secrets, job: _, files: _ } = asks;
        let missing = |what: &str, name: &str, hint: String| {
            let text =
                format!("the flow {} reads the {what} {name}, which has no value here", flow.name);
            Error::new(ErrorKind::BadInput, text).hint(hint)
        };
        let mut grants = Grants { network, ..Grants::default() };
        for name in env {
            let value = overrides.env.get(&name).map(String::as_str);
            let value = value.or_else(|| surroundings.get(&name)).ok_or_else(|| {
                let hint = format!("set it, or give it with --env {name}=VALUE");
                missing("environment variable", &name, hint)
            })?;
            grants.env.insert(name, value.to_owned());
        }
        for SecretAsk { name, only_to } in secrets {
            let from = overrides.secrets.get(&name).cloned();
            let from = from.unwrap_or_else(|| SecretSource::Env(name.clone()));
            if let SecretSource::Env(variable) = &from
                && self.kind.hands_on_environment()
                && surroundings.get(variable).is_none()
            {
                let hint = format!(
                    "set the environment variable {variable}, or say where it is: --secret {name}=file:/PATH"
                );
                return Err(missing("secret", &name, hint));
            }
            grants.secrets.insert(name, SecretGrant { from, only_to });
        }
        Ok(grants)
    }
}

/// The job settings that a flow asks for, without those for other kinds of infrastructure.
fn of_flow(flow: &FlowDescriptor, kind: Kind) -> Result<Vec<Change>, Error> {
    let change = |(key, value): (&str, &str)| {
        let key = match key.split_once('.') {
            Some((word, rest)) => match word.parse::<Kind>() {
                Ok(other) if other != kind => return None,
                Ok(_) => rest,
                Err(_) => key,
            },
            None => key,
        };
        let change = Change::typed(key, value, settings::Origin::flow(&flow.name));
        Some(change.map_err(|why| {
            Error::new(ErrorKind::BadInput, format!("the flow {}: {why}", flow.name))
        }))
    };
    flow.job_settings().filter_map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_protocol::descriptor::Setting;
    use longshore_protocol::limits::LimitName;
    use postcard_schema::Schema as _;
    use postcard_schema::schema::owned::OwnedNamedType;

    fn flow(settings: &[(&str, &str)]) -> FlowDescriptor {
        let setting = |(key, value): &(&str, &str)| Setting {
            key: (*key).to_owned(),
            value: (*value).to_owned(),
        };
        FlowDescriptor {
            name: "f".into(),
            doc: String::new(),
            params: vec![],
            result: OwnedNamedType::from(<()>::SCHEMA),
            settings: settings.iter().map(setting).collect(),
        }
    }

    fn around(pairs: &[(&str, &str)]) -> Surroundings {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn pool(text: &str) -> Pool {
        let text = format!("[pools.p]\n{text}");
        let layer = crate::pool::Layer::parse(crate::pool::Source::User, "p.toml", &text).unwrap();
        crate::pool::Layers(vec![layer]).pool(Some("p")).unwrap()
    }

    #[test]
    fn a_ceiling_refuses_the_flow_and_the_command_line() {
        let pool = pool("ceiling = { memory = \"64MiB\" }");
        let error = pool.admit(
            &flow(&[("memory_bytes", "134217728")]),
            &Overrides::default(),
            &around(&[]),
        );
        assert_eq!(
            error.unwrap_err().to_string(),
            "the flow f asks for 128.0 MiB of memory, and the pool p allows 64.0 MiB at most"
        );
        let limits = LimitSet::from_iter([(LimitName::MemoryBytes, 1 << 30)]);
        let overrides = Overrides { limits, ..Overrides::default() };
        let error = pool.admit(&flow(&[]), &overrides, &around(&[])).unwrap_err().to_string();
        assert!(error.starts_with("the command line asks for 1.0 GiB of memory"), "{error}");
        let admitted = pool.admit(&flow(&[]), &Overrides::default(), &around(&[])).unwrap();
        assert_eq!(admitted.limits.memory_bytes, 64 << 20);
    }

    #[test]
    fn a_pool_without_a_policy_leaves_it_to_the_command_line() {
        let flow = flow(&[("network", "a.example:443"), ("env", "REGION")]);
        let around = around(&[("REGION", "eu")]);
        let error = Pool::local().admit(&flow, &Overrides::default(), &around).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the flow f asks for grants that the pool local does not give: network a.example:443, env REGION"
        );
        assert_eq!(
            error.what_to_do().unwrap(),
            "allow each, for example --allow \"network=a.example:443\", or all of them with --allow all"
        );
        let overrides = Overrides { allow_all: true, ..Overrides::default() };
        let admitted = Pool::local().admit(&flow, &overrides, &around).unwrap();
        assert_eq!(admitted.grants.env["REGION"], "eu");
        assert_eq!(admitted.grants.network.len(), 1);
    }

    #[test]
    fn a_flow_sets_of_its_job_what_is_harmless_or_allowed() {
        let admit = |pool: &Pool, flow: &FlowDescriptor, overrides: Overrides| {
            let admitted = pool.admit(flow, &overrides, &around(&[]));
            let settings = admitted.map_err(|error| error.to_string())?.settings.effective();
            let set = settings
                .into_iter()
                .filter(|one| one.origin != settings::Origin::default_of_kind());
            Ok::<_, String>(set.map(|one| format!("{}={} by {}", one.key, one.value, one.origin)))
                .map(|set| set.collect::<Vec<_>>())
        };
        let harmless = flow(&[("job.process.stream_output", "true")]);
        let by_flow = ["stream_output=true by the flow f"].map(str::to_owned).to_vec();
        assert_eq!(admit(&Pool::local(), &harmless, Overrides::default()), Ok(by_flow));
        let preloads = flow(&[("job.env.LD_PRELOAD", "/tmp/x.so")]);
        let refused =
            Err("the flow f asks for grants that the pool local does not give: job env.LD_PRELOAD"
                .to_owned());
        assert_eq!(admit(&Pool::local(), &preloads, Overrides::default()), refused);
        let allow = Asks { job: vec!["env".to_owned()], ..Asks::default() };
        let allowed = Overrides { allow, ..Overrides::default() };
        let by_flow = ["env.LD_PRELOAD=\"/tmp/x.so\" by the flow f"].map(str::to_owned).to_vec();
        assert_eq!(admit(&Pool::local(), &preloads, allowed), Ok(by_flow));
        let change =
            Change::typed("env.LD_PRELOAD", "", settings::Origin::caller("--set")).unwrap();
        let replaced = Overrides { job: vec![change], ..Overrides::default() };
        let by_caller = ["env.LD_PRELOAD=\"\" by --set"].map(str::to_owned).to_vec();
        assert_eq!(admit(&Pool::local(), &preloads, replaced), Ok(by_caller));
        let pool = pool("grants = { job = [\"env.APP_*\"] }");
        assert!(admit(&pool, &flow(&[("job.env.APP_X", "1")]), Overrides::default()).is_ok());
        assert!(
            admit(&pool, &preloads, Overrides { allow_all: true, ..Overrides::default() }).is_err()
        );
    }

    #[test]
    fn a_pools_policy_cannot_be_widened() {
        let pool = pool("grants = { env = [\"APP_*\"] }");
        let overrides = Overrides { allow_all: true, ..Overrides::default() };
        let error = pool.admit(&flow(&[("env", "HOME")]), &overrides, &around(&[("HOME", "/")]));
        let error = error.unwrap_err();
        assert!(error.to_string().ends_with("does not give: env HOME"), "{error}");
        assert_eq!(error.what_to_do().unwrap(), "have them added to [pools.p.grants]");
    }

    #[test]
    fn files_are_for_the_pool_to_give_and_for_people_to_include() {
        let flow = flow(&[("file", "data/"), ("file", "!data/x")]);
        let error = Pool::local().admit(&flow, &Overrides::default(), &around(&[])).unwrap_err();
        assert!(error.to_string().ends_with("does not give: file data/"), "{error}");
        assert!(error.what_to_do().unwrap().contains("--allow \"file=data/\""));
        let include = vec!["x".parse().unwrap()];
        let overrides = Overrides { allow_files: true, include, ..Overrides::default() };
        assert!(Pool::local().admit(&flow, &overrides, &around(&[])).is_ok());
        for (policy, is_given) in
            [("true", true), ("false", false), ("[\"data/\", \"x\"]", true), ("[\"data/\"]", false)]
        {
            let pool = pool(&format!("grants = {{ files = {policy} }}"));
            let admitted = pool.admit(&flow, &overrides, &around(&[]));
            assert_eq!(admitted.is_ok(), is_given, "{policy}");
        }
        let error = pool("grants = { files = [\"data/\"] }").admit(&flow, &overrides, &around(&[]));
        assert_eq!(
            error.unwrap_err().to_string(),
            "the command line includes files that the pool p does not give: file x"
        );
        let overrides = Overrides { repeats_files: true, ..Overrides::default() };
        let admitted = pool("grants = {}").admit(&self::flow(&[]), &overrides, &around(&[]));
        assert!(admitted.is_err());
    }

    #[test]
    fn what_has_no_value_is_named_before_anything_is_started() {
        let overrides = Overrides { allow_all: true, ..Overrides::default() };
        for (settings, text) in [
            (
                ("env", "REGION"),
                "the flow f reads the environment variable REGION, which has no value here",
            ),
            (("secret", "KEY"), "the flow f reads the secret KEY, which has no value here"),
        ] {
            let error = Pool::local().admit(&flow(&[settings]), &overrides, &around(&[]));
            assert_eq!(error.unwrap_err().to_string(), text);
        }
        let secrets = BTreeMap::from([("KEY".to_owned(), "file:/run/key".parse().unwrap())]);
        let overrides = Overrides { secrets, ..overrides };
        let admitted = Pool::local().admit(&flow(&[("secret", "KEY")]), &overrides, &around(&[]));
        assert_eq!(admitted.unwrap().grants.secrets["KEY"].from.to_string(), "file:/run/key");
    }
}
