//! Object storage: which one, how it is reached, and with whose credentials.
//!
//! A [`Location`] is one text that names a place for objects and never holds a secret: a directory, or a URL with
//! `object_store`'s own options in its query. [`open`] turns it into a client, for the launcher and for the runtime alike.
//!
//! ```
//! # use longshore_storage::Location;
//! let location: Location = "s3://team-runs/prod?aws_region=eu-central-1&credentials=profile:ci".parse()?;
//! assert_eq!(location.provider().word(), "s3");
//! # Ok::<_, longshore_storage::Error>(())
//! ```
//!
//! **Invariants:** a secret is never part of a location, nor of an error's text. An option that no client knows is an
//! error. A client gives up after a stated time: [`PATIENCE`].

mod azure;
mod block;
mod credentials;
mod error;
mod explain;
mod filling;
mod location;
mod open;
mod options;
mod requests;
mod retry;
mod sign;

pub use block::Block;
pub use credentials::Credentials;
pub use error::Error;
pub use explain::{Explanation, explain};
pub use location::{Location, Provider, is_loopback};
pub use open::{AwsCredentials, Objects, install_tls, open, open_with};
pub use options::{ACCOUNT, REGION, Variables};
pub use requests::{Created, Requests, Retry, whole};
pub use retry::{PATIENCE, Patience, may_pass};
pub use sign::{Signer, create_headers, overwrite_headers};
