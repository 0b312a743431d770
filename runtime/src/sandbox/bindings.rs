//! What wasmtime generates from `wit/flow.wit`; nothing else is here.
#![expect(unreachable_pub, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "flows",
    exports: { default: async },
});

pub use exports::longshore::flow::guest::Failure;
