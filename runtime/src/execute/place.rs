//! Where the run is: in a store that this process may use, or behind a ticket.

use std::path::PathBuf;

use longshore_protocol::id::{Digest, RunId, Tenant};
use longshore_protocol::layout::RunLayout;
use longshore_storage::Location;

use crate::Error;
use crate::confine::{Needs, Network};
use crate::store::{self, RunStore};
use crate::ticket::{TicketAddress, TicketStore, Trust};

/// What the command line says of the run.
#[derive(Debug, Clone)]
pub enum Place {
    /// A store, used with the credentials that this process finds.
    Store {
        /// Where it is.
        location: Location,
        /// The owner of the run.
        tenant: Tenant,
        /// The run.
        run: RunId,
        /// The digest of its order.
        order: Digest,
    },
    /// A ticket: no credentials.
    Ticket(TicketAddress),
}

/// A place that was opened, twice: connections belong to the half of the process that makes them, and the second half
/// can read no certificates any more.
pub(super) struct Opened {
    /// For what comes before the process is confined.
    pub(super) first: RunStore,
    /// For what comes after.
    pub(super) second: RunStore,
    /// The digest of the order.
    pub(super) order: Digest,
}

impl Place {
    pub(super) async fn open(&self) -> Result<Opened, Error> {
        match self {
            Self::Store { location, tenant, run, order } => {
                let open = || RunStore::open(location, tenant, run);
                Ok(Opened { first: open()?, second: open()?, order: *order })
            }
            Self::Ticket(address) => {
                let trust = Trust::of_machine()?;
                let ticket = address.read(&trust).await?;
                let order = ticket.order_sha256;
                let open = || TicketStore::new(ticket.clone(), &trust).map(RunStore::of_ticket);
                Ok(Opened { first: open()?, second: open()?, order })
            }
        }
    }

    /// What the store needs of a confined process; `needs` is what the run itself needs.
    pub(super) fn needs(&self, needs: Needs) -> Needs {
        match self {
            Self::Store { location, tenant, run, order: _ } => match location.folder() {
                Some(folder) => {
                    let run = RunLayout::new(tenant, run);
                    Needs { writes: vec![folder.join(run.prefix())], ..needs }
                }
                None => {
                    let files = location.credential_files(&store::variables());
                    // A file that is replaced from time to time is looked for in its folder.
                    let folders = files.iter().filter_map(|file| file.parent().map(PathBuf::from));
                    let reads = needs.reads.into_iter().chain(folders).collect();
                    Needs { reads, network: Network::Connect, ..needs }
                }
            },
            Self::Ticket(_) => Needs { network: Network::Connect, ..needs },
        }
    }
}
