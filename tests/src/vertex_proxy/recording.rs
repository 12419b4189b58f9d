//! What the functions sent and the emulator answered, kept for the contract in `tests/python`.

use std::{collections::HashSet, fs::File, io::Write as _, path::Path};

use serde_json::{Value, json};

use super::request::VertexRequest;

/// The variable that names a folder for recordings; without it nothing is recorded.
const FOLDER: &str = "VERTEX_RECORDINGS";

/// The file of one proxy: a line for each kind of call.
#[derive(Debug)]
pub(super) struct Recording {
    file: File,
    /// The calls that a line stands for: a thousand reads of one state prove no more than one.
    kinds: HashSet<String>,
}

impl Recording {
    /// Opens the file of the proxy at `port`, where recordings are wanted.
    pub(super) fn open(port: u16) -> Option<Self> {
        let folder = std::env::var_os(FOLDER)?;
        let name = format!("{}-{port}.jsonl", std::process::id());
        let file = File::create(Path::new(&folder).join(name));
        Some(Self {
            file: file.expect("the folder for recordings exists"),
            kinds: HashSet::new(),
        })
    }

    /// Writes a call, unless one of its kind is written.
    pub(super) fn write(&mut self, seen: &VertexRequest, body: &[u8], status: u16, answer: &[u8]) {
        let parsed = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap_or_default();
        let answer = parsed(answer);
        let (state, phase) = (answer.get("state"), answer.get("tuningJobState"));
        let target = format!("{} {}?{}", seen.method, seen.path, seen.query);
        let kind = format!("{target} {status} {state:?} {phase:?}");
        if !self.kinds.insert(kind) {
            return;
        }
        let line = json!({
            "method": seen.method, "path": seen.path, "query": seen.query,
            "request": parsed(body), "status": status, "answer": answer,
        });
        writeln!(self.file, "{line}").expect("the recording is written");
    }
}
