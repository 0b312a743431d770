//! A guest with what it is granted.

use std::fs;
use std::sync::OnceLock;

use longshore_protocol::Timestamp;
use longshore_protocol::grants::{Grants, SecretGrant, SecretSource};
use longshore_protocol::id::RunId;
use longshore_protocol::limits::Limits;
use longshore_protocol::record::{LogRecord, Verdict};
use longshore_runtime::engine::{Engine, EngineSettings};
use longshore_runtime::log::LogSink;
use longshore_runtime::sandbox::{
    Call, CpuMeter, Ended, Network, Program, ProgressCell, RunContext, Stop, StopReason,
};
use longshore_runtime::secrets::Secrets;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasmtime::component::Component;

/// What a flow is called with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guest {
    grants: Grants,
    secrets: Secrets,
    limits: Limits,
    resolve: Vec<String>,
    trusted: Option<&'static [u8]>,
}

impl Guest {
    /// A guest that may reach these places.
    pub(crate) fn granted<G: AsRef<str>>(network: impl IntoIterator<Item = G>) -> Self {
        let network = network.into_iter().map(|text| text.as_ref().parse().unwrap()).collect();
        Self { grants: Grants { network, ..Grants::default() }, ..Self::default() }
    }

    /// Gives it a secret `TOKEN` that is for one place only.
    pub(crate) fn with_token(mut self, value: &str, place: &str) -> Self {
        let grant = SecretGrant {
            from: SecretSource::Env("TOKEN".to_owned()),
            only_to: Some(place.parse().unwrap()),
        };
        self.grants.secrets.insert("TOKEN".to_owned(), grant);
        self.secrets = Secrets::read(&self.grants, |_| Some(value.to_owned())).unwrap();
        self
    }

    /// Lets a name lead somewhere: `NAME=ADDRESS`.
    pub(crate) fn where_name(mut self, leads: &str) -> Self {
        self.resolve.push(leads.to_owned());
        self
    }

    pub(crate) fn trusting(mut self, pem: &'static [u8]) -> Self {
        self.trusted = Some(pem);
        self
    }

    pub(crate) fn limited(mut self, limit: impl FnOnce(&mut Limits)) -> Self {
        limit(&mut self.limits);
        self
    }

    /// Calls a flow and waits for its end.
    pub(crate) fn calls(&self, flow: &str, params: impl Serialize) -> Answer {
        self.call(flow, params, |_| {})
    }

    /// Calls a flow, which `meanwhile` can stop from another thread.
    pub(crate) fn call(
        &self,
        flow: &str,
        params: impl Serialize,
        meanwhile: impl FnOnce(Stopper),
    ) -> Answer {
        let (engine, component) = component();
        let network = Network::new(self.resolve.iter().map(|text| text.parse().unwrap()).collect());
        let network = match self.trusted {
            Some(pem) => network.trusting(pem).unwrap(),
            None => network,
        };
        let program = Program::link(engine, component).unwrap().over(network);
        let log = LogSink::new(&self.limits, &self.secrets);
        let call = Call {
            flow: flow.to_owned(),
            limits: self.limits.clone(),
            grants: self.grants.clone(),
            secrets: self.secrets.clone(),
            context: RunContext {
                run: RunId::new(Timestamp::UNIX_EPOCH, [0; 10]),
                attempt: 1,
                deadline: Timestamp::MAX,
            },
            log: log.clone(),
            progress: ProgressCell::default(),
            stop: Stop::new(engine),
            cpu: CpuMeter::new(engine, self.limits.cpu_ms),
        };
        meanwhile(Stopper(call.stop.clone()));
        let params = postcard::to_allocvec(&params).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let ended = runtime.block_on(program.call(&call, &params));
        // A lookup that the system still works on is nobody's business any more.
        runtime.shutdown_background();
        let text = String::from_utf8(log.take().unwrap_or_default()).unwrap();
        let warnings = text.lines().map(|line| serde_json::from_str::<LogRecord>(line).unwrap());
        let warnings = warnings.filter(|record| record.target == "longshore");
        Answer { ended, warnings: warnings.map(|record| record.message).collect() }
    }
}

/// Stops a guest.
pub(crate) struct Stopper(Stop);

impl Stopper {
    pub(crate) fn cancel(&self) {
        self.0.request(StopReason::Cancelled { reason: None });
    }
}

/// How a call ended, and what the author of the flow is told.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) ended: Ended,
    warnings: Vec<String>,
}

impl Answer {
    /// The flow returned this.
    #[track_caller]
    pub(crate) fn returns<T: DeserializeOwned>(&self) -> T {
        match &self.ended.result {
            Ok(bytes) => postcard::from_bytes(bytes).unwrap(),
            Err(verdict) => panic!("{verdict:?}, {:?}", self.warnings),
        }
    }

    /// The flow itself failed, with this message.
    #[track_caller]
    pub(crate) fn fails(&self) -> &str {
        match &self.ended.result {
            Err(Verdict::Failed { error, .. }) => &error.message,
            other => panic!("{other:?}"),
        }
    }

    /// The flow was ended.
    #[track_caller]
    pub(crate) fn is_ended(&self) -> &Verdict {
        self.ended.result.as_ref().unwrap_err()
    }

    /// The author is told exactly this.
    #[track_caller]
    pub(crate) fn warns(&self, expected: impl IntoIterator<Item = impl AsRef<str>>) -> &Self {
        let expected: Vec<_> = expected.into_iter().map(|text| text.as_ref().to_owned()).collect();
        assert_eq!(self.warnings, expected, "{:?}", self.ended.result);
        self
    }

    /// The author is told something that begins so.
    #[track_caller]
    pub(crate) fn warns_of(&self, beginning: &str) -> &Self {
        let is_told = self.warnings.iter().any(|message| message.starts_with(beginning));
        assert!(is_told, "{:?}", self.warnings);
        self
    }

    /// The flow was told that its request is denied.
    #[track_caller]
    pub(crate) fn is_denied(&self) -> &Self {
        assert_eq!(self.fails(), "ErrorCode::HttpRequestDenied", "{:?}", self.warnings);
        self
    }
}

fn component() -> &'static (Engine, Component) {
    static COMPONENT: OnceLock<(Engine, Component)> = OnceLock::new();
    COMPONENT.get_or_init(|| {
        let engine = Engine::new(EngineSettings::default()).unwrap();
        let bytes = fs::read(longshore_tests::net()).unwrap();
        let component = engine.load(&engine.compile(&bytes).unwrap()).unwrap();
        (engine, component)
    })
}
