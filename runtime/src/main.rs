//! `longshore-runtime`: started by a launcher, never by a person.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program's only way to answer its launcher"
)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use longshore_protocol::exit::runtime as exit;
use longshore_protocol::id::{Digest, RunId, Tenant};
use longshore_protocol::limits::Metering;
use longshore_protocol::target::Target;
use longshore_runtime::compile::{self, Code, CompileLimits};
use longshore_runtime::confine::{self, Demand};
use longshore_runtime::execute::{self, Place, Settings};
use longshore_runtime::facts::Facts;
use longshore_runtime::sandbox::{FixedName, Network};
use longshore_runtime::ticket::TicketAddress;
use longshore_runtime::{Error, ErrorKind, chain};
use longshore_storage::Location;
use serde::Serialize;

/// Executes one run of a Longshore flow. Launchers start it; people use `longshore`.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Execute one run and store its outcome.
    Execute {
        #[command(flatten)]
        place: Box<PlaceArguments>,
        #[command(flatten)]
        network: NetworkArguments,
        /// Whether the kernel must have everything that confines the process, or what it has is enough.
        #[arg(long, value_enum, default_value_t)]
        confine: Demand,
    },
    /// Compile a component to machine code, within limits, and print what was made as JSON.
    Compile {
        /// The component.
        #[arg(long)]
        component: PathBuf,
        /// The file to write.
        #[arg(long)]
        output: PathBuf,
        /// Make code that counts its instructions, for runs with a limit on fuel.
        #[arg(long)]
        metered: bool,
        /// For which processors: those of this machine, or any of a kind.
        #[arg(long, default_value_t)]
        target: Target,
        /// Resident memory that may be used, in MiB.
        #[arg(long)]
        memory_mib_max: Option<u64>,
        /// Wall time that may be used, in seconds.
        #[arg(long)]
        timeout_s: Option<u64>,
    },
    /// Print version, ABI, engine, and what confines a run on this machine, as JSON.
    Facts,
}

/// Where the run is: in a store, or behind a ticket.
#[derive(Debug, clap::Args)]
struct PlaceArguments {
    /// The store: a local directory, or s3://…, gs://…, az://….
    #[arg(long, conflicts_with = "ticket", required_unless_present = "ticket")]
    store: Option<Location>,
    /// The owner of the run.
    #[arg(long, requires = "store")]
    tenant: Option<Tenant>,
    /// The run.
    #[arg(long, requires = "store", required_unless_present = "ticket")]
    run: Option<RunId>,
    /// The digest of the order: nothing that does not follow from it is executed.
    #[arg(long, requires = "store", required_unless_present = "ticket")]
    order_sha256: Option<Digest>,
    /// The ticket: a signed URL, or env:NAME where it is in an environment variable.
    #[arg(long, value_name = "URL")]
    ticket: Option<String>,
    /// The digest of the ticket: nothing that does not follow from it is executed.
    #[arg(long, requires = "ticket", required_unless_present = "store")]
    ticket_sha256: Option<Digest>,
}

impl PlaceArguments {
    fn place(self) -> Result<Place, Error> {
        let Self { store, tenant, run, order_sha256, ticket, ticket_sha256 } = self;
        let missing =
            || Error::new(ErrorKind::Settings, "neither a store with a run nor a ticket is named");
        if let Some(text) = ticket {
            let (url, sha256) = (ticket_url(text)?, ticket_sha256.ok_or_else(missing)?);
            return Ok(Place::Ticket(TicketAddress { url, sha256 }));
        }
        let location = store.ok_or_else(missing)?;
        let (run, order) = (run.ok_or_else(missing)?, order_sha256.ok_or_else(missing)?);
        Ok(Place::Store { location, tenant: tenant.unwrap_or_default(), run, order })
    }
}

/// The address of a ticket. Some infrastructures show arguments to others and keep variables to themselves.
fn ticket_url(text: String) -> Result<String, Error> {
    let Some(name) = text.strip_prefix("env:") else { return Ok(text) };
    #[expect(clippy::disallowed_methods, reason = "it is a part of the settings, which are here")]
    let value = std::env::var(name);
    // The cause may show the value, which is a secret.
    value.map_err(|_| {
        Error::new(ErrorKind::Settings, format!("there is no ticket in the variable {name}"))
    })
}

/// How flows reach the network, where they may.
#[derive(Debug, clap::Args)]
struct NetworkArguments {
    /// Certificates to trust besides the built-in ones: a PEM file.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// NAME=ADDRESS[,ADDRESS…] is what a name leads to, whatever name servers say. With several answers
    /// (NAME=ADDRESS|ADDRESS), each lookup gets the next one.
    #[arg(long, value_name = "NAME=ADDRESS", hide = true)]
    resolve: Vec<FixedName>,
}

impl NetworkArguments {
    fn network(self) -> Result<Network, Error> {
        let Self { ca_file, resolve } = self;
        let network = Network::new(resolve);
        let Some(file) = ca_file else { return Ok(network) };
        let attempted = || format!("could not use the certificates in {}", file.display());
        // Read now: later, the file may be out of reach.
        let pem = std::fs::read(&file)
            .map_err(|error| Error::caused(ErrorKind::Settings, attempted(), error))?;
        network
            .trusting(&pem)
            .map_err(|why| Error::new(ErrorKind::Settings, format!("{}: {why}", attempted())))
    }
}

fn main() -> ExitCode {
    #[expect(
        unsafe_code,
        reason = "whom a descriptor belongs to, only the first line of main can know"
    )]
    // SAFETY: nothing has run yet, so nothing owns a descriptor.
    let begun = unsafe { confine::begin() };
    if let Err(error) = begun {
        return give_up(&error);
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors; either way the text goes where clap wants it.
            drop(error.print());
            return ExitCode::from(if error.use_stderr() { exit::USAGE.0 } else { 0 });
        }
    };
    // Warnings explain what the outcome cannot; the launcher keeps this output for the case that there is none.
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_max_level(tracing::Level::WARN)
        .init();
    match run(arguments.verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => give_up(&error),
    }
}

fn run(verb: Verb) -> Result<(), Error> {
    match verb {
        Verb::Execute { place, network, confine } => {
            let network = network.network()?;
            let place = place.place()?;
            execute::execute(&Settings { place, network, confine })
        }
        Verb::Compile { component, output, metered, target, memory_mib_max, timeout_s } => {
            let defaults = CompileLimits::default();
            let limits = CompileLimits {
                memory_bytes: memory_mib_max.map_or(defaults.memory_bytes, |mib| mib << 20),
                timeout: timeout_s.map_or(defaults.timeout, Duration::from_secs),
            };
            let metering = if metered { Metering::Fuel } else { Metering::Off };
            let give_up = |error: Error| end_now(&error);
            compile::compile_file(&component, &output, (Code { metering, target }, limits), give_up)
                .map(|compiled| print_json(&compiled))
        }
        Verb::Facts => {
            print_json(&Facts::gather()?.confined());
            Ok(())
        }
    }
}

fn print_json(value: &impl Serialize) {
    println!(
        "{}",
        serde_json::to_string(value)
            .expect("the answers have string keys only, so they are always JSON")
    );
}

fn give_up(error: &Error) -> ExitCode {
    eprintln!("longshore-runtime: {}", chain(error));
    ExitCode::from(error.exit_code().0)
}

#[expect(clippy::exit, reason = "the thread that compiles cannot be stopped otherwise")]
fn end_now(error: &Error) {
    eprintln!("longshore-runtime: {}", chain(error));
    std::process::exit(error.exit_code().0.into());
}
