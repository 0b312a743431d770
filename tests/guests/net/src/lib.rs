//! Flows that use the network, and tell how far they came. Built apart from the others: only they import `wasi:http`.

mod http;
mod requests;
mod sockets;
