//! The network of a guest: what is granted works, what is not is refused, and nobody at the other end can hurt.
//!
//! Guests are real (`tests/guests/net`), servers are threads of this test on addresses of this machine, and what names
//! lead to is said by each test.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "a test says what it leaves out")]

mod guest;
mod hostile;
mod http;
mod limits;
mod names;
mod server;
mod sockets;
