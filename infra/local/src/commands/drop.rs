//! `lapidary drop`: uploads a file, as a person would.

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
    cli::{Outcome, StackArgs},
    output,
    session::{self, Session},
};

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A `recipe.toml` beside the file, or the one that --recipe names, is uploaded first.

Example:
  lapidary drop tickets/data.jsonl --dataset tickets")]
pub(crate) struct Args {
    /// The file.
    file: PathBuf,
    /// The dataset that it is a new state of.
    #[arg(long, value_name = "NAME")]
    dataset: DatasetName,
    /// How to clean, tune, evaluate and deploy it.
    #[arg(long, value_name = "PATH")]
    recipe: Option<PathBuf>,
    #[command(flatten)]
    stack: StackArgs,
}

/// Why a file cannot be uploaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// It cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The recipe is wrong.
    #[error("the recipe `{}` cannot be used", path.display())]
    Recipe {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: recipe::InvalidRecipe,
    },
    /// There is no stack to upload to.
    #[error("no stack to upload to")]
    Session(#[from] session::Error),
    /// The upload failed.
    #[error("the upload failed")]
    Upload(#[from] reqwest::Error),
    /// The answer of the service is not an object.
    #[error("the upload was answered by something else than an object")]
    Answer,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Outcome {
    let session = Session::open(&args.stack.env_file).await?;
    let upload = upload(&session, &args.file, &args.dataset, args.recipe.as_deref()).await?;
    let artifact = &upload.artifact;
    output::write(&format!(
        "uploaded {artifact}\nfollow it with `lapidary runs`\n"
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Uploads the recipe, where there is one, then the file.
pub(crate) async fn upload(
    session: &Session,
    file: &Path,
    dataset: &DatasetName,
    recipe: Option<&Path>,
) -> Result<ObjectFinalized, Error> {
    let beside = file.with_file_name(recipe::FILE_NAME);
    let recipe = recipe.or_else(|| beside.exists().then_some(beside.as_path()));
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

/// Uploads over whatever generation is there: that is what a person's upload does.
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
        .map_err(|_error| Error::Answer)?;
    Ok(ObjectFinalized::new(bucket, object, generation))
}
