//! A component is a stranger's file. It is described without executing it, or refused.

use longshore_protocol::abi::Abi;
use longshore_protocol::descriptor::{self, FlowDescriptor};
use longshore_protocol::{ErrorKind, component, schema};

/// The whole file: the sections of a component.
pub(crate) fn a_component_is_described_or_refused(file: &[u8]) {
    match component::describe(file) {
        Ok(described) => {
            assert!(Abi::CURRENT.can_execute(described.abi));
            assert!(described.imports.is_sorted());
            check_flows(&described.flows);
            for flow in &described.flows {
                assert_eq!(described.flow(Some(&flow.name)).as_ref(), Ok(&flow));
            }
            assert_eq!(described.flow(None).is_ok(), described.flows.len() == 1);
            if let Err(error) = described.flow(Some("no such flow")) {
                super::check_refusal(&error.to_string());
            }
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Component);
            super::check_refusal(&error.to_string());
        }
    }
}

/// The section alone, which mutations reach more easily than behind the headers of a component.
pub(crate) fn descriptors_are_read_or_refused(section: &[u8]) {
    match descriptor::parse(section) {
        Ok((abi, flows)) => {
            assert!(Abi::CURRENT.can_execute(abi));
            check_flows(&flows);
            let again: Vec<u8> = flows.iter().flat_map(|flow| frame(abi, flow)).collect();
            assert_eq!(descriptor::parse(&again).map(|(_, flows)| flows), Ok(flows));
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Component);
            super::check_refusal(&error.to_string());
        }
    }
}

fn frame(abi: Abi, flow: &FlowDescriptor) -> Vec<u8> {
    let payload = postcard::to_allocvec(flow).expect("a descriptor is always serializable");
    let length = u32::try_from(payload.len()).expect("it came from fewer bytes");
    [&length.to_le_bytes()[..], &abi.major.to_le_bytes(), &abi.minor.to_le_bytes(), &payload]
        .concat()
}

fn check_flows(flows: &[FlowDescriptor]) {
    assert!(flows.is_sorted_by(|one, next| one.name < next.name), "flows are sorted, each once");
    for flow in flows {
        for schema in flow.params.iter().map(|param| &param.schema).chain([&flow.result]) {
            let bytes = postcard::to_allocvec(schema).expect("a schema is always serializable");
            assert_eq!(schema::take(&bytes), Ok((schema.clone(), &[][..])));
            schema::describe(schema);
        }
        for refusal in [flow.limits().map(drop), flow.retry().map(drop), flow.asks().map(drop)]
            .into_iter()
            .filter_map(Result::err)
        {
            assert_eq!(refusal.kind(), ErrorKind::Component);
            super::check_refusal(&refusal.to_string());
        }
    }
}
