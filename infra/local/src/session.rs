//! The way from a command to a stack that is up.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use shared::{
    clock::Clock,
    config::{Invalid, Reader, Vars},
    google::{
        Google, StartError, documents::Documents, events::Events, objects::Objects, vertex::Vertex,
    },
};

/// Where `lapidary up` writes the addresses unless told otherwise, and where commands look.
pub const ENV_FILE: &str = ".lapidary/env";

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No stack was found.
    #[error("no stack is up: `{}` cannot be read; start one with `lapidary up`", path.display())]
    NoStack {
        /// The file that was looked for.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The addresses are incomplete.
    #[error("the addresses are incomplete")]
    Addresses(#[from] Invalid),
    /// A client does not start.
    #[error("a client does not start")]
    Client(#[from] StartError),
    /// An address that only a whole stack has is missing.
    #[error("`{0}` is not among the addresses: is the stack up?")]
    Missing(&'static str),
}

/// Clients of a stack, for commands.
#[derive(Debug, Clone)]
pub struct Session {
    /// The stack's time.
    pub clock: Clock,
    /// Firestore.
    pub documents: Documents,
    /// Cloud Storage.
    pub objects: Objects,
    /// Pub/Sub.
    pub events: Events,
    /// Vertex AI.
    pub vertex: Vertex,
    vars: Vars,
}

impl Session {
    /// Connects by the addresses in `file`, which `lapidary up` wrote.
    pub async fn open(file: &Path) -> Result<Self, Error> {
        Self::connect(&addresses(file)?).await
    }

    /// Connects by `addresses`.
    pub async fn connect(addresses: &BTreeMap<String, String>) -> Result<Self, Error> {
        let mut read = Reader::new(addresses);
        let clock = Clock::read(&mut read);
        let google = Google::read("laptop", &mut read);
        let (clock, google) = read.finish(|| Some((clock?, google?)))?;
        Ok(Self {
            clock,
            documents: google.documents()?,
            objects: google.objects().await?,
            events: google.events(clock)?,
            vertex: google.vertex()?,
            vars: addresses.clone(),
        })
    }

    /// The address called `name`.
    pub fn address(&self, name: &'static str) -> Result<&str, Error> {
        let found = self.vars.get(name).map(String::as_str);
        found.ok_or(Error::Missing(name))
    }
}

/// The addresses in `file`, which `lapidary up` wrote, or a person.
pub(crate) fn addresses(file: &Path) -> Result<Vars, Error> {
    let text = std::fs::read_to_string(file).map_err(|source| Error::NoStack {
        path: file.to_owned(),
        source,
    })?;
    Ok(parse(&text))
}

/// `KEY=VALUE` lines.
fn parse(text: &str) -> Vars {
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect()
}
