//! The connection of a command to a running stack.

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

/// The default file of addresses, which `lapidary up` writes and commands read.
pub const ENV_FILE: &str = ".lapidary/env";

/// Why a command cannot connect.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file of addresses cannot be read.
    #[error("no stack is running, start one with `lapidary up`: cannot read `{}`", path.display())]
    NoStack {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The addresses are invalid.
    #[error("the addresses are invalid")]
    Addresses(#[from] Invalid),
    /// A client cannot be created.
    #[error("a client cannot be created")]
    Client(#[from] StartError),
    /// An address that only a running stack has is missing.
    #[error("no address `{0}`: expected the file of addresses of a running stack")]
    Missing(&'static str),
}

/// Clients of a stack, for commands.
#[derive(Debug, Clone)]
pub struct Session {
    /// The stack's clock.
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
    /// Connects to the addresses in `file`, which `lapidary up` wrote.
    pub async fn open(file: &Path) -> Result<Self, Error> {
        Self::connect(&addresses(file)?).await
    }

    /// Connects to `addresses`.
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

/// The addresses in `file`, written by `lapidary up` or by hand.
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
