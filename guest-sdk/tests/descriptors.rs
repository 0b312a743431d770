//! What `#[flow]` writes into the section is what the launcher's side reads.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not recognise as such"
)]

use std::collections::{BTreeMap, HashMap};
use std::io;

use longshore_protocol::abi::Abi;
use longshore_protocol::descriptor::{self, FlowDescriptor};
use longshore_protocol::limits::LimitName;
use longshore_sdk::__private::postcard_schema::Schema as _;
use longshore_sdk::{Bytes, data, flow, flows};

#[data]
#[derive(Debug, Clone, PartialEq)]
struct Order {
    id: u64,
    lines: Vec<Line>,
    notes: Option<String>,
    r#type: Kind,
    #[serde(default = "Default::default", rename = "prices")]
    price_by_name: BTreeMap<String, f64>,
}

#[data]
#[derive(Debug, Clone, PartialEq)]
struct Line(String, u32);

#[data]
#[derive(Debug, Clone, PartialEq)]
struct Weight(f64);

#[data]
#[derive(Debug, Clone, PartialEq)]
struct Nothing;

#[data]
#[derive(Debug, Clone, PartialEq)]
enum Kind {
    #[serde(alias = "none", rename = "nothing")]
    Empty,
    Heavy(Weight),
    Pair(u8, i128),
    Named {
        of: Box<Page<char>>,
        r#in: [u16; 3],
    },
}

#[data]
#[derive(Debug, Clone, PartialEq)]
struct Page<T> {
    items: Vec<T>,
}

/// Takes everything.
///
///   - indented
#[flow(
    timeout = "1m 30s",
    memory = "256MiB",
    retries = 3,
    retry_delay = "250ms",
    retry_delay_max = "1m",
    log_limit = "1MiB",
    name = "every-thing"
)]
fn everything(
    order: Order,
    mut data: Bytes,
    r#ref: (bool, Nothing),
    map: HashMap<String, Option<i8>>,
) -> Page<Order> {
    data = Bytes::from(data.iter().rev().copied().collect::<Vec<_>>());
    let items = vec![order; data.len() + map.len() + usize::from(r#ref.0)];
    Page { items }
}

/// Asks for every limit and grant.
#[flow(
    limits(
        memory = "1MiB",
        table_elements = 2,
        instances = 3,
        memories = 4,
        tables = 5,
        timeout = "6ms",
        cpu = "7ms",
        fuel = 8,
        stack = "9kB",
        params = "10kB",
        result = "11kB",
        log = "12kB",
        log_rate = 13,
        host_call = "14kB",
        handles = 15,
        http_headers = "16kB",
        random = "17kB",
        sockets = 18,
        http_requests = 19,
        files = "20kB",
        child_runs = 21
    ),
    network = ["GET api.example.com:443", "*.example.org:*"],
    env = ["REGION"],
    secrets = ["API_KEY", "TOKEN@api.example.com:443"],
    files = ["data/", "!data/*.tmp"]
)]
fn greedy() {}

/// Asks for settings of its job.
#[flow(job(
    stream_output = true,
    env(REGION = "eu"),
    labels("app.example.com/name" = "demo"),
    process(working_dir = "/data"),
    kubernetes(backoff_limit = 2, env(A = "1"), pull_secrets = ["a", "b \"c\""]),
))]
fn places() {}

#[flow]
fn nothing() {}

#[flow]
fn aliased(text: String) -> io::Result<u16> {
    text.parse().map_err(io::Error::other)
}

mod inner {
    use longshore_sdk::flow;

    #[flow]
    pub(super) fn boxed(n: u8) -> longshore_sdk::Result<u8> {
        n.checked_add(1).ok_or_else(|| longshore_sdk::permanent("too large").into())
    }

    #[flow]
    fn text(n: u8) -> Result<(), String> {
        Err(format!("no {n}"))
    }
}

fn section() -> Vec<u8> {
    flows().flat_map(|flow| flow.frame()).copied().collect()
}

fn described(name: &str) -> FlowDescriptor {
    let (abi, flows) = descriptor::parse(&section()).unwrap();
    assert_eq!(abi, Abi::CURRENT);
    flows.into_iter().find(|flow| flow.name == name).unwrap()
}

fn call(name: &str, params: Vec<u8>) -> Result<Vec<u8>, longshore_sdk::Failure> {
    flows().find(|flow| flow.name() == name).unwrap().call(params)
}

#[test]
fn all_flows_of_all_modules_are_registered() {
    let (_, flows) = descriptor::parse(&section()).unwrap();
    let names: Vec<_> = flows.iter().map(|flow| flow.name.as_str()).collect();
    assert_eq!(names, ["aliased", "boxed", "every-thing", "greedy", "nothing", "places", "text"]);
}

#[test]
fn a_descriptor_has_name_doc_parameters_and_result() {
    let flow = described("every-thing");
    assert_eq!(flow.doc, "Takes everything.\n\n  - indented");
    let params: Vec<_> =
        flow.params.iter().map(|param| (param.name.as_str(), param.schema.clone())).collect();
    let expected = vec![
        ("order", Order::SCHEMA.into()),
        ("data", Bytes::SCHEMA.into()),
        ("ref", <(bool, Nothing)>::SCHEMA.into()),
        ("map", HashMap::<String, Option<i8>>::SCHEMA.into()),
    ];
    assert_eq!(params, expected);
    assert_eq!(flow.result, Page::<Order>::SCHEMA.into());
}

#[test]
fn names_in_a_schema_are_those_of_serde() {
    let schema = format!("{:?}", described("every-thing").params[0].schema);
    for name in ["type", "prices", "nothing", "in"] {
        assert!(schema.contains(&format!("name: {name:?}")), "{name} in {schema}");
    }
    assert!(!schema.contains("r#") && !schema.contains("price_by_name"), "{schema}");
}

#[test]
fn a_frame_is_the_postcard_form_of_the_descriptor() {
    for flow in flows() {
        let payload = postcard::to_allocvec(&described(flow.name())).unwrap();
        let mut frame = u32::try_from(payload.len()).unwrap().to_le_bytes().to_vec();
        frame.extend([1, 0, 0, 0]);
        frame.extend(payload);
        assert_eq!(flow.frame(), frame);
    }
}

#[test]
fn options_become_settings_that_the_launcher_understands() {
    let flow = described("every-thing");
    let (limits, retry) = (flow.limits().unwrap(), flow.retry().unwrap());
    assert_eq!(
        (limits.timeout_ms, limits.memory_bytes, limits.log_bytes),
        (90_000, 256 << 20, 1 << 20)
    );
    assert_eq!((retry.retries, retry.delay_ms, retry.delay_max_ms), (3, 250, 60_000));
    assert_eq!(flow.setting("sdk"), Some(env!("CARGO_PKG_VERSION")));
    assert_eq!(described("nothing").settings.len(), 1);
}

#[test]
fn what_is_asked_of_the_job_stands_under_dotted_keys() {
    let flow = described("places");
    assert_eq!(
        flow.job_settings().collect::<Vec<_>>(),
        [
            ("stream_output", "true"),
            ("env.REGION", "eu"),
            ("labels.app.example.com/name", "demo"),
            ("process.working_dir", "/data"),
            ("kubernetes.backoff_limit", "2"),
            ("kubernetes.env.A", "1"),
            ("kubernetes.pull_secrets", r#"["a","b \"c\""]"#),
        ]
    );
}

#[test]
fn a_result_is_described_by_what_ok_holds() {
    assert_eq!(described("aliased").result, u16::SCHEMA.into());
    assert_eq!(described("boxed").result, u8::SCHEMA.into());
    assert_eq!(described("text").result, <()>::SCHEMA.into());
    assert_eq!(described("nothing").result, <()>::SCHEMA.into());
}

#[test]
fn a_flow_stays_a_function() {
    let order = Order {
        id: 1,
        lines: vec![Line("tea".to_owned(), 2)],
        notes: None,
        r#type: Kind::Heavy(Weight(0.5)),
        price_by_name: BTreeMap::from([("tea".to_owned(), 2.5)]),
    };
    let page = everything(order.clone(), Bytes::new(), (true, Nothing), HashMap::new());
    assert_eq!(page, Page { items: vec![order] });
    assert_eq!(inner::boxed(1).unwrap(), 2);
    assert_eq!(aliased("7".to_owned()).unwrap(), 7);
    nothing();
}

#[test]
fn a_call_decodes_parameters_and_encodes_the_result() {
    let kind = Kind::Named { of: Box::new(Page { items: vec!['x'] }), r#in: [1, 2, 3] };
    let order = Order {
        id: 9,
        lines: vec![],
        notes: Some(String::new()),
        r#type: kind,
        price_by_name: BTreeMap::new(),
    };
    let map = HashMap::from([("a".to_owned(), Some(-1_i8))]);
    let params = postcard::to_allocvec(&(&order, Bytes::new(), (false, Nothing), map)).unwrap();
    let result = call("every-thing", params).unwrap();
    assert_eq!(postcard::from_bytes::<Page<Order>>(&result).unwrap(), Page { items: vec![order] });
    assert!(call("nothing", vec![]).unwrap().is_empty());
    assert_eq!(call("aliased", b"\x0242".to_vec()).unwrap(), [42]);
}

#[test]
fn an_error_is_a_failure_that_says_whether_to_try_again() {
    let permanent = call("boxed", vec![255]).unwrap_err();
    assert_eq!((permanent.message.as_str(), permanent.retryable), ("too large", false));
    let text = call("text", vec![4]).unwrap_err();
    assert_eq!((text.message.as_str(), text.retryable), ("no 4", true));
}

#[test]
fn what_does_not_fit_the_flow_is_refused() {
    let short = call("boxed", vec![]).unwrap_err();
    assert_eq!((short.message.as_str(), short.retryable), ("could not decode parameter n", false));
    let long = call("boxed", vec![1, 2]).unwrap_err();
    assert_eq!(
        (long.message.as_str(), long.retryable),
        ("the parameters are 1 bytes longer than the flow takes", false)
    );
}

#[test]
fn every_limit_and_grant_reaches_the_descriptor() {
    let flow = described("greedy");
    let asked = flow.asked_limits().unwrap();
    for name in LimitName::ALL {
        assert!(asked.get(name).is_some(), "{name:?}");
    }
    assert_eq!(asked.get(LimitName::MemoryBytes), Some(1 << 20));
    assert_eq!(asked.get(LimitName::HttpRequests), Some(19));
    let asks = flow.asks().unwrap();
    let network: Vec<_> = asks.network.iter().map(ToString::to_string).collect();
    assert_eq!(network, ["GET api.example.com:443", "*.example.org:*"]);
    let secrets: Vec<_> = asks.secrets.iter().map(ToString::to_string).collect();
    assert_eq!(secrets, ["API_KEY", "TOKEN@api.example.com:443"]);
    assert_eq!(asks.env, ["REGION"]);
    let files: Vec<_> = asks.files.iter().map(ToString::to_string).collect();
    assert_eq!(files, ["data/", "!data/*.tmp"]);
}
