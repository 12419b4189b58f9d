//! `lapidary drop`: uploads a file.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use reqwest::{Client, header::CONTENT_TYPE};
use shared::{
    event::ObjectFinalized,
    id::DatasetName,
    recipe::{self, Recipe},
};

use crate::{
    arguments::StackArgs,
    exit::CommandResult,
    output,
    session::{self, Session},
};

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The recipe is uploaded first: the one of --recipe, or a `recipe.toml` next to the file.

Example:
  lapidary drop tickets/data.jsonl --dataset tickets")]
pub(crate) struct Args {
    /// The file.
    file: PathBuf,
    /// The dataset of which the file is a new version.
    #[arg(long, value_name = "NAME")]
    dataset: DatasetName,
    /// The recipe: how to clean, tune, evaluate and deploy.
    #[arg(long, value_name = "PATH")]
    recipe: Option<PathBuf>,
    #[command(flatten)]
    stack: StackArgs,
}

/// Why a file cannot be uploaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// The recipe is invalid.
    #[error("invalid recipe `{}`", path.display())]
    Recipe {
        /// The file.
        path: PathBuf,
        /// The error of the parser.
        #[source]
        source: recipe::InvalidRecipe,
    },
    /// There is no stack to upload to.
    #[error("cannot upload")]
    Session(#[from] session::Error),
    /// The upload failed.
    #[error("the upload failed")]
    Upload(#[from] reqwest::Error),
    /// The response is not an object.
    #[error("expected the metadata of an object in response to the upload, found something else")]
    Response,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> CommandResult {
    let session = Session::open(&args.stack.env_file).await?;
    let uploaded = upload(&session, &args.file, &args.dataset, args.recipe.as_deref()).await?;
    let artifact = &uploaded.artifact;
    output::write(&format!(
        "uploaded {artifact}\nfollow it with `lapidary runs`\n"
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Uploads the recipe, if there is one, then the file.
///
/// In this order, since the upload of the file starts the cleaning, which reads the recipe.
pub(crate) async fn upload(
    session: &Session,
    file: &Path,
    dataset: &DatasetName,
    recipe: Option<&Path>,
) -> Result<ObjectFinalized, Error> {
    let neighbour = file.with_file_name(recipe::FILE_NAME);
    let recipe = recipe.or_else(|| neighbour.exists().then_some(neighbour.as_path()));
    if let Some(path) = recipe {
        let text = read(path).await?;
        let parsed = Recipe::parse(&String::from_utf8_lossy(&text));
        parsed.map_err(|source| Error::Recipe {
            path: path.to_owned(),
            source,
        })?;
        put(session, &format!("{dataset}/{}", recipe::FILE_NAME), text).await?;
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    put(session, &format!("{dataset}/{name}"), read(file).await?).await
}

async fn read(path: &Path) -> Result<Vec<u8>, Error> {
    tokio::fs::read(path).await.map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })
}

/// Uploads without a precondition on the generation, as a person's upload does.
async fn put(session: &Session, object: &str, content: Vec<u8>) -> Result<ObjectFinalized, Error> {
    #[derive(serde::Deserialize)]
    struct Uploaded {
        generation: String,
    }
    let bucket = session.address("UPLOADS_BUCKET")?;
    let storage = session.address("STORAGE_EMULATOR_HOST")?;
    let uploaded: Uploaded = Client::new()
        .post(format!("{storage}/upload/storage/v1/b/{bucket}/o"))
        .query(&[("uploadType", "media"), ("name", object)])
        .header(CONTENT_TYPE, "application/octet-stream")
        .body(content)
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    let generation = uploaded
        .generation
        .parse()
        .map_err(|_error| Error::Response)?;
    Ok(ObjectFinalized::new(bucket, object, generation))
}
