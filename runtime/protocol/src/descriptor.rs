//! Flow descriptors: what a component says about its flows in the custom section `longshore:flows`.
//!
//! The section is a sequence of frames, one per flow, which the linker puts one after another:
//! `u32` little-endian length of the payload, `u16` ABI major, `u16` ABI minor, then the payload: a postcard
//! [`FlowDescriptor`]. The ABI stands outside of the payload, so that any version can name any other.

use postcard_schema::schema::owned::OwnedNamedType;
use serde::{Deserialize, Serialize};

use crate::abi::Abi;
use crate::grants::Asks;
use crate::limits::{LimitName, LimitSet, Limits};
use crate::retry::RetryPolicy;
use crate::schema::{self, read};
use crate::{Error, ErrorKind};

/// The name of the custom section.
pub const SECTION: &str = "longshore:flows";

/// A parameter of a flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParamDescriptor {
    /// Its name in the source.
    pub name: String,
    /// What values it takes.
    pub schema: OwnedNamedType,
}

/// Something that a flow asks for, as text, so that a reader can skip a key that it does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// For example `timeout_ms`.
    pub key: String,
    /// For example `30000`.
    pub value: String,
}

/// A flow as its component describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowDescriptor {
    /// The function's name.
    pub name: String,
    /// The function's doc comment.
    pub doc: String,
    /// Its parameters, in the order in which they are serialized.
    pub params: Vec<ParamDescriptor>,
    /// What it returns.
    pub result: OwnedNamedType,
    /// The attribute's options.
    pub settings: Vec<Setting>,
}

impl FlowDescriptor {
    /// The limits that the flow asks for.
    ///
    /// # Errors
    /// Names a setting whose value cannot be read, or that nobody can keep: the SDK checks what an author writes, and
    /// a component need not be made with it.
    pub fn asked_limits(&self) -> Result<LimitSet, Error> {
        let read = |name: LimitName| {
            let Some(value) = self.number(name.key())? else { return Ok(None) };
            let checked = name.check(value).map_err(|why| {
                let text = format!("flow {}: {} = {value} is {why}", self.name, name.key());
                Error::new(ErrorKind::Component, text)
            });
            checked.map(|value| Some((name, value)))
        };
        LimitName::ALL.into_iter().filter_map(|name| read(name).transpose()).collect()
    }

    /// The limits that a run of this flow gets where nobody else has a say: its own, defaults elsewhere.
    ///
    /// # Errors
    /// Names a setting whose value cannot be read.
    pub fn limits(&self) -> Result<Limits, Error> {
        let mut limits = Limits::default();
        for (name, value) in self.asked_limits()?.iter() {
            limits.set(name, value);
        }
        Ok(limits)
    }

    /// What the flow asks to be granted.
    ///
    /// # Errors
    /// Names a setting whose value cannot be read.
    pub fn asks(&self) -> Result<Asks, Error> {
        let mut asks = Asks::default();
        for Setting { key, value } in &self.settings {
            asks.add(key, value).map_err(|why| {
                Error::new(ErrorKind::Component, format!("flow {}: {why}", self.name))
            })?;
        }
        Ok(asks)
    }

    /// The job settings that the flow asks for, by dotted keys, as text. A key may begin with a kind of infrastructure.
    pub fn job_settings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.settings
            .iter()
            .filter_map(|Setting { key, value }| Some((key.strip_prefix("job.")?, value.as_str())))
    }

    /// The retry policy that a run of this flow gets.
    ///
    /// # Errors
    /// Names a setting whose value cannot be read.
    pub fn retry(&self) -> Result<RetryPolicy, Error> {
        let mut policy = RetryPolicy::default();
        if let Some(retries) = self.number("retries")? {
            policy.retries = retries.try_into().unwrap_or(u32::MAX);
        }
        if let Some(delay) = self.number("retry_delay_ms")? {
            policy.delay_ms = delay;
        }
        if let Some(delay) = self.number("retry_delay_max_ms")? {
            policy.delay_max_ms = delay;
        }
        Ok(policy)
    }

    /// The value of the setting `key`, if the flow has it.
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.settings
            .iter()
            .find(|setting| setting.key == key)
            .map(|setting| setting.value.as_str())
    }

    fn number(&self, key: &str) -> Result<Option<u64>, Error> {
        let Some(text) = self.setting(key) else { return Ok(None) };
        let bad = |_| {
            Error::new(
                ErrorKind::Component,
                format!("flow {}: {key} = {text:?} is not a number", self.name),
            )
        };
        text.parse().map(Some).map_err(bad)
    }
}

/// Reads all descriptors of a section.
///
/// # Errors
/// Says where the section is damaged, or names both ABI versions where the component was built for another one.
pub fn parse(section: &[u8]) -> Result<(Abi, Vec<FlowDescriptor>), Error> {
    let mut flows: Vec<FlowDescriptor> = Vec::new();
    let mut abi = Abi::CURRENT;
    let mut rest = section;
    while !rest.is_empty() {
        let (found, payload, after) = frame(rest).ok_or_else(|| {
            damaged(section.len() - rest.len(), "it ends in the middle of a frame")
        })?;
        if !Abi::CURRENT.can_execute(found) {
            return Err(Error::new(
                ErrorKind::Component,
                format!(
                    "the component was built for flow ABI {found}, and this version of longshore executes {}",
                    Abi::CURRENT
                ),
            ));
        }
        let flow =
            read_flow(payload).map_err(|error| damaged(section.len() - rest.len(), &error))?;
        flows.push(flow);
        abi = found;
        rest = after;
    }
    if let Some(name) = read::repeated(flows.iter().map(|flow| flow.name.as_str())) {
        return Err(Error::new(
            ErrorKind::Component,
            format!("the component has two flows named {name}"),
        ));
    }
    flows.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((abi, flows))
}

fn read_flow(payload: &[u8]) -> Result<FlowDescriptor, String> {
    let (name, rest) = take(payload)?;
    let (doc, rest) = take(rest)?;
    let (params_count, mut rest) = take::<u64>(rest)?;
    let mut params: Vec<ParamDescriptor> = Vec::new();
    for _ in 0..params_count {
        let (name, after_name) = take(rest)?;
        let (schema, after_schema) = take_schema(after_name)?;
        params.push(ParamDescriptor { name, schema });
        rest = after_schema;
    }
    if let Some(name) = read::repeated(params.iter().map(|param| param.name.as_str())) {
        return Err(format!("it has two parameters named {name:?}"));
    }
    let (result, rest) = take_schema(rest)?;
    // What a later minor version adds stands behind.
    let (settings, _) = take(rest)?;
    Ok(FlowDescriptor { name, doc, params, result, settings })
}

fn take<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(T, &'a [u8]), String> {
    postcard::take_from_bytes(bytes).map_err(|error| error.to_string())
}

fn take_schema(bytes: &[u8]) -> Result<(OwnedNamedType, &[u8]), String> {
    schema::take(bytes).map_err(|error| error.to_string())
}

fn frame(bytes: &[u8]) -> Option<(Abi, &[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (major, rest) = rest.split_first_chunk::<2>()?;
    let (minor, rest) = rest.split_first_chunk::<2>()?;
    let (payload, rest) =
        rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    Some((
        Abi { major: u16::from_le_bytes(*major), minor: u16::from_le_bytes(*minor) },
        payload,
        rest,
    ))
}

fn damaged(offset: usize, why: &str) -> Error {
    Error::new(
        ErrorKind::Component,
        format!("the section {SECTION} is damaged at byte {offset}: {why}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(name: &str) -> FlowDescriptor {
        let schema =
            || OwnedNamedType::from(<Vec<(u8, String)> as postcard_schema::Schema>::SCHEMA);
        FlowDescriptor {
            name: name.to_owned(),
            doc: "Does something.".to_owned(),
            params: vec![ParamDescriptor { name: "rows".to_owned(), schema: schema() }],
            result: schema(),
            settings: vec![Setting { key: "timeout_ms".to_owned(), value: "30000".to_owned() }],
        }
    }

    fn framed(abi: Abi, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
        [&length[..], &abi.major.to_le_bytes(), &abi.minor.to_le_bytes(), payload].concat()
    }

    fn serialized(name: &str) -> Vec<u8> {
        framed(Abi::CURRENT, &postcard::to_allocvec(&flow(name)).unwrap())
    }

    #[test]
    fn frames_stand_one_after_another() {
        let section = [serialized("b"), serialized("a")].concat();
        assert_eq!(parse(&section).unwrap(), (Abi::CURRENT, vec![flow("a"), flow("b")]));
        assert_eq!(flow("a").limits().unwrap().timeout_ms, 30_000);
    }

    #[test]
    fn settings_are_limits_and_asks() {
        let mut flow = flow("a");
        for (key, value) in
            [("cpu_ms", "5"), ("env", "REGION"), ("network", "a.example:443"), ("newer", "?")]
        {
            flow.settings.push(Setting { key: key.to_owned(), value: value.to_owned() });
        }
        let asked = flow.asked_limits().unwrap();
        let asked: Vec<_> = asked.iter().collect();
        assert_eq!(asked, [(LimitName::TimeoutMs, 30_000), (LimitName::CpuMs, 5)]);
        let asks = flow.asks().unwrap();
        assert_eq!((asks.env, asks.network.len()), (vec!["REGION".to_owned()], 1));
        flow.settings.push(Setting { key: "network".to_owned(), value: "a.example".to_owned() });
        let error = flow.asks().unwrap_err().to_string();
        assert!(error.starts_with("flow a: \"a.example\" is not a network grant"), "{error}");
    }

    #[test]
    fn a_limit_that_nobody_can_keep_is_refused() {
        for (key, value, expected) in [
            ("stack_bytes", u64::MAX, "is too much: stack ends at 268435456 bytes"),
            ("sockets", 0, "is nothing: a limit is 1 or more"),
        ] {
            let mut flow = flow("a");
            flow.settings.push(Setting { key: key.to_owned(), value: value.to_string() });
            let error = flow.asked_limits().unwrap_err().to_string();
            assert_eq!(error, format!("flow a: {key} = {value} {expected}"));
        }
    }

    #[test]
    fn another_abi_is_named_though_its_payload_is_not_understood() {
        let error =
            parse(&framed(Abi { major: 2, minor: 7 }, b"anything")).unwrap_err().to_string();
        assert_eq!(
            error,
            "the component was built for flow ABI 2.7, and this version of longshore executes 1.0"
        );
    }

    #[test]
    fn damage_is_named_with_its_place() {
        let section = [serialized("a"), serialized("b")].concat();
        let cut = parse(&section[..section.len() - 1]).unwrap_err().to_string();
        assert!(cut.contains(&format!("damaged at byte {}", section.len() / 2)), "{cut}");
        let twice = parse(&[serialized("a"), serialized("a")].concat()).unwrap_err().to_string();
        assert_eq!(twice, "the component has two flows named a");
    }

    #[test]
    fn a_parameter_that_stands_there_twice_is_refused() {
        let mut flow = flow("a");
        flow.params.push(flow.params[0].clone());
        let section = framed(Abi::CURRENT, &postcard::to_allocvec(&flow).unwrap());
        let error = parse(&section).unwrap_err().to_string();
        assert!(error.ends_with(r#"it has two parameters named "rows""#), "{error}");
    }

    #[test]
    fn a_bomb_of_nested_schemas_is_refused() {
        let mut payload = vec![0, 0, 1, 0];
        payload.extend([0, 18].repeat(200_000));
        let error = parse(&framed(Abi::CURRENT, &payload)).unwrap_err().to_string();
        assert!(error.ends_with("a schema is nested more than 128 levels deep"), "{error}");
    }
}
