//! `longshore image`

use std::path::PathBuf;

use bytesize::ByteSize;
use clap::{Args, Subcommand};
use longshore_launchers::image::{self, Archive, Found, Images, RuntimeImage};
use longshore_protocol::exit::{self, ExitCode};
use serde_json::json;

use crate::failure::Failure;
use crate::output;
use crate::settings::{Format, Settings};

/// Make the image of the runtime, put it into a container engine, show what an engine has
#[derive(Debug, Args)]
pub(crate) struct ImageArgs {
    #[command(subcommand)]
    verb: ImageVerb,
}

#[derive(Debug, Subcommand)]
enum ImageVerb {
    Build(BuildArgs),
    Load(LoadArgs),
    Inspect(InspectArgs),
}

/// Write the image into a file, which container engines and registries' tools read
///
/// Needs no container engine and no network. The same binary makes the same image, byte for byte.
#[derive(Debug, Args)]
struct BuildArgs {
    /// The file. Default: the image's name, in this folder.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Put the image into a container engine
#[derive(Debug, Args)]
struct LoadArgs {
    #[command(flatten)]
    engine: EngineArgs,
}

/// Show the image that an engine has
#[derive(Debug, Args)]
struct InspectArgs {
    /// The image. Default: the one that is made on this machine.
    reference: Option<String>,
    #[command(flatten)]
    engine: EngineArgs,
}

/// Which container engine is meant.
#[derive(Debug, Args)]
struct EngineArgs {
    /// The engine's address. Default: as for the docker client.
    #[arg(long, value_name = "ADDRESS")]
    host: Option<String>,
    /// The docker client's context that names the engine.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

impl EngineArgs {
    fn images(&self, settings: &Settings) -> Result<Images, Failure> {
        let Self { host, context } = self;
        let surroundings = &settings.places.surroundings;
        Ok(Images::new(host.as_deref(), context.as_deref(), surroundings)?)
    }
}

pub(super) async fn image(args: &ImageArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    match &args.verb {
        ImageVerb::Build(args) => build(args, settings).await?,
        ImageVerb::Load(args) => load(args, settings).await?,
        ImageVerb::Inspect(args) => inspect(args, settings).await?,
    }
    Ok(exit::OK)
}

async fn here(settings: &Settings) -> Result<RuntimeImage, Failure> {
    let places = &settings.places;
    Ok(image::here(places.image_runtime.as_deref(), &places.runtime, &places.cache).await?)
}

async fn build(args: &BuildArgs, settings: &Settings) -> Result<(), Failure> {
    let image = here(settings).await?;
    let Archive { tar, id, manifest } = image.pack()?;
    let path = args.output.clone().unwrap_or_else(|| {
        PathBuf::from(format!("{}.tar", image.reference.replace([':', '/'], "-")))
    });
    let wrong = |error: std::io::Error| {
        Failure::input(format!("could not write {}: {error}", path.display()))
    };
    // Whoever reads the file never sees a part of it.
    let unfinished = path.with_extension("tar.tmp");
    std::fs::write(&unfinished, &tar).map_err(wrong)?;
    std::fs::rename(&unfinished, &path).map_err(wrong)?;
    let bytes = tar.len() as u64;
    if settings.format == Format::Json {
        let file = path.display().to_string();
        return output::answer_json(&json!({
            "reference": image.reference, "file": file, "bytes": bytes,
            "id": format!("sha256:{id}"), "manifest": format!("sha256:{manifest}"),
        }));
    }
    let binary = std::fs::metadata(&image.binary).map_or(0, |meta| meta.len());
    output::answer(&format!("{}", path.display()))?;
    output::answer(&format!("image     {}", image.reference))?;
    output::answer(&format!("id        sha256:{id}"))?;
    output::answer(&format!("manifest  sha256:{manifest}"))?;
    output::answer(&format!(
        "size      {}: the runtime {}, certificates and the rest {}",
        ByteSize(bytes),
        ByteSize(binary),
        ByteSize(bytes.saturating_sub(binary))
    ))?;
    output::answer(&format!("load it   docker load --input {}", path.display()))?;
    push(&image)
}

/// How the image gets to where other machines find it.
fn push(image: &RuntimeImage) -> Result<(), Failure> {
    let reference = &image.reference;
    output::answer(&format!(
        "push it   docker tag {reference} REGISTRY/{reference} && docker push REGISTRY/{reference}"
    ))?;
    output::answer(&format!("use it    job.image = \"REGISTRY/{reference}\" in the pool"))
}

async fn load(args: &LoadArgs, settings: &Settings) -> Result<(), Failure> {
    let image = here(settings).await?;
    let images = args.engine.images(settings)?;
    let is_told = settings.format == Format::Human && !settings.is_quiet;
    let tell = |text: &str| {
        if is_told {
            output::note(&output::safe(text));
        }
    };
    images.load(&image, &tell).await?;
    if settings.format == Format::Json {
        return output::answer_json(&json!({ "reference": image.reference }));
    }
    output::answer(&image.reference)?;
    push(&image)
}

async fn inspect(args: &InspectArgs, settings: &Settings) -> Result<(), Failure> {
    let reference = match &args.reference {
        Some(reference) => reference.clone(),
        None => here(settings).await?.reference,
    };
    let Some(found) = args.engine.images(settings)?.find(&reference).await? else {
        return Err(Failure::input(format!("the engine has no image {reference}"))
            .hint("longshore image load puts it there"));
    };
    if settings.format == Format::Json {
        return output::answer_json(&json!(found));
    }
    let Found { reference, id, bytes, platform, user, engine, labels } = found;
    let rows = [
        ("image", reference),
        ("id", id),
        ("size", ByteSize(bytes).to_string()),
        ("platform", platform),
        ("user", user),
        (
            "engine",
            engine.unwrap_or_else(|| "not said: it may be no image of Longshore".to_owned()),
        ),
    ];
    for (name, value) in rows {
        output::answer(&format!("{name:<9} {}", output::safe(&value)))?;
    }
    for (name, value) in labels {
        output::answer(&format!("label     {}", output::safe(&format!("{name}={value}"))))?;
    }
    Ok(())
}
