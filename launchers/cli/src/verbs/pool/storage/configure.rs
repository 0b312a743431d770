//! `longshore pool storage configure`

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use longshore_launchers::Error;
use longshore_launchers::pool::Access;
use longshore_launchers::pool::edit::Edit;
use longshore_launchers::pool::storage::{ACCOUNT, Described, Location, Provider, REGION};
use longshore_protocol::exit::ExitCode;

use super::super::place::{Changed, PlaceArgs};
use crate::failure::Failure;
use crate::input::pair;
use crate::settings::Settings;

/// Say where the runs of a pool are kept
///
/// What is said replaces what was said of its storage before, as a whole; everything else about the pool stays. No secret
/// is taken: credentials are named by a reference, or found by the provider's default chain. Nobody is contacted;
/// longshore doctor --pool POOL looks whether it works.
#[derive(Debug, Args)]
pub(in super::super) struct ConfigureArgs {
    #[command(subcommand)]
    kind: KindArgs,
}

#[derive(Debug, Subcommand)]
enum KindArgs {
    /// Amazon S3, and whatever speaks its API
    S3(S3Args),
    /// Google Cloud Storage
    Gcs(GcsArgs),
    /// Azure Blob Storage
    Azure(AzureArgs),
    /// A directory
    Local(LocalArgs),
}

#[derive(Debug, Args)]
struct S3Args {
    /// The pool.
    pool: String,
    /// The bucket.
    #[arg(long)]
    bucket: String,
    /// Its region. Default: by the provider's own configuration.
    #[arg(long)]
    region: Option<String>,
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Debug, Args)]
struct GcsArgs {
    /// The pool.
    pool: String,
    /// The bucket.
    #[arg(long)]
    bucket: String,
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Debug, Args)]
struct AzureArgs {
    /// The pool.
    pool: String,
    /// The container.
    #[arg(long)]
    container: String,
    /// The storage account. Default: by the provider's own configuration.
    #[arg(long)]
    account: Option<String>,
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Debug, Args)]
struct LocalArgs {
    /// The pool.
    pool: String,
    /// The directory. It is made by the first run.
    #[arg(long)]
    path: PathBuf,
    /// How runtimes get at their runs: in a directory, by themselves.
    #[arg(long, value_parser = ["ticket", "ambient"])]
    access: Option<String>,
    #[command(flatten)]
    place: PlaceArgs,
}

/// What all object storage has.
#[derive(Debug, Args)]
struct RemoteArgs {
    /// What the names of all objects begin with.
    #[arg(long)]
    prefix: Option<String>,
    /// The address of its API, for other storage than the provider's own: MinIO and the like.
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// The address of its API where runtimes are, if it is another one there.
    #[arg(long, value_name = "URL")]
    runtime_endpoint: Option<String>,
    /// Where credentials are: default (the provider's own chain), anonymous, env:PREFIX, file:/PATH or profile:NAME.
    #[arg(long, value_name = "REFERENCE")]
    credentials: Option<String>,
    /// Any option of the client, by the names of the crate object_store.
    #[arg(long, value_name = "NAME=VALUE")]
    option: Vec<String>,
    /// How runtimes get at their runs: by a ticket, or with credentials of their own.
    #[arg(long, value_parser = ["ticket", "ambient"])]
    access: Option<String>,
}

/// What was asked for, whatever the provider.
struct Asked<'a> {
    pool: &'a str,
    location: Location,
    access: Option<&'a str>,
    place: &'a PlaceArgs,
}

pub(in super::super) async fn configure(
    args: &ConfigureArgs,
    settings: &Settings,
) -> Result<ExitCode, Failure> {
    let Asked { pool: name, location, access, place } = args.kind.asked()?;
    let layers = settings.layers_of(name).await?;
    let place = place.of_pool(name, &layers, settings)?;
    let access_of_pool = layers.pool(Some(name))?.access;
    let has_ticket = access.map_or(access_of_pool == Some(Access::Ticket), |word| word == "ticket");
    if has_ticket && location.provider() == Provider::Local {
        return Err(Failure::input("a directory cannot sign tickets")
            .hint("runtimes read and write its files themselves: --access ambient"));
    }
    let mut edits = vec![Edit::set(name, "store", location.to_string())];
    edits.extend(access.map(|word| Edit::set(name, "access", word)));
    place.change(name, &edits, &layers).await?;
    let done = "configured the storage of";
    Changed { pool: name, done, place: &place, edits: &edits }.answer(settings).await
}

impl KindArgs {
    fn asked(&self) -> Result<Asked<'_>, Failure> {
        match self {
            Self::S3(S3Args { pool, bucket, region, remote, place }) => {
                let region = region.as_ref().map(|region| (REGION, region));
                remote.asked(Provider::S3, bucket, region, (pool, place))
            }
            Self::Gcs(GcsArgs { pool, bucket, remote, place }) => {
                remote.asked(Provider::Gcs, bucket, None, (pool, place))
            }
            Self::Azure(AzureArgs { pool, container, account, remote, place }) => {
                let account = account.as_ref().map(|name| (ACCOUNT, name));
                remote.asked(Provider::Azure, container, account, (pool, place))
            }
            Self::Local(LocalArgs { pool, path, access, place }) => {
                let location = directory(path)?;
                Ok(Asked { pool, location, access: access.as_deref(), place })
            }
        }
    }
}

fn directory(path: &Path) -> Result<Location, Failure> {
    if path.as_os_str().is_empty() {
        return Err(Failure::input("the path of the storage is empty").hint("name a directory"));
    }
    Ok(Location::local(path).map_err(Error::from)?)
}

impl RemoteArgs {
    fn asked<'a>(
        &'a self,
        provider: Provider,
        bucket: &str,
        own_option: Option<(&str, &String)>,
        (pool, place): (&'a str, &'a PlaceArgs),
    ) -> Result<Asked<'a>, Failure> {
        let Self { prefix, endpoint, runtime_endpoint, credentials, option, access } = self;
        let own = own_option.map(|(name, value)| (name.to_owned(), value.clone()));
        let mut options: Vec<_> = own.into_iter().collect();
        for text in option {
            // What was typed may be a secret: only its name is repeated.
            let (name, value) = pair_of_option(text)?;
            options.push((name.to_owned(), value.to_owned()));
        }
        let described = Described {
            bucket: bucket.to_owned(),
            prefix: prefix.clone(),
            endpoint: endpoint.clone(),
            runtime_endpoint: runtime_endpoint.clone(),
            credentials: credentials.clone(),
            options,
        };
        let location = described.location(provider)?;
        Ok(Asked { pool, location, access: access.as_deref(), place })
    }
}

fn pair_of_option(text: &str) -> Result<(&str, &str), Failure> {
    pair(text, "an option").map_err(|_| {
        Failure::input("--option does not have a name and a value")
            .hint("write --option NAME=VALUE")
    })
}
