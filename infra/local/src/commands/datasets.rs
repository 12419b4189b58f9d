//! `lapidary datasets`: compares versions of a dataset, and accepts one that waits for a person.

mod accept;
mod drift;
mod profile;
mod render;
mod row;
mod row_reader;
mod side;
mod version_diff;

use std::process::ExitCode;

use clap::Subcommand;

use self::{side::DiffSide, version_diff::diff};
use crate::{
    arguments::StackArgs,
    exit::{self, CommandResult},
    output,
};

/// The arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: DatasetsCommand,
}

#[derive(Debug, Subcommand)]
enum DatasetsCommand {
    /// Compares two versions row by row.
    Diff(DiffArgs),
    /// Accepts a version that waits for a person: its run is planned then.
    Accept(accept::AcceptArgs),
}

/// The arguments of `diff`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A and B are directories that `lapidary clean` wrote, JSONL files, or ids of versions of a running
stack. Rows are equal if they mean the same, in whatever format and prompt; their order does not matter.
Rows are printed by location only: `train:12` is line 12 of `train.jsonl`, `row:12` the twelfth row of an
array or a table. How the rows differ on the whole, in length, labels, languages and columns, is printed below.
A and B may be in any container that `check` reads.

Examples:
  lapidary datasets diff monday friday
  lapidary datasets diff rows.jsonl tickets-3f2k9x1m4q7a --json | jq .leaks

Exit codes:
  0  the same rows in the same files, in the same prompt
  1  rows were added, removed or moved, or have another answer, or the prompt differs
  2  A or B cannot be read, or none of its lines is a row")]
pub(crate) struct DiffArgs {
    /// The older side.
    a: String,
    /// The newer side.
    b: String,
    /// Prints the diff as one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    stack: StackArgs,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> CommandResult {
    match args.command {
        DatasetsCommand::Diff(args) => run_diff(args).await,
        DatasetsCommand::Accept(args) => accept::run(args).await,
    }
}

async fn run_diff(args: DiffArgs) -> CommandResult {
    let mut sides = Vec::with_capacity(2);
    for name in [&args.a, &args.b] {
        match DiffSide::read(name, &args.stack.env_file).await {
            Ok(side) => sides.push(side),
            Err(error) => return Ok(exit::unusable(&error)),
        }
    }
    let (Some(b), Some(a)) = (sides.pop(), sides.pop()) else {
        return Ok(ExitCode::from(exit::UNUSABLE));
    };
    let found = diff(a, b);
    if args.json {
        let text = serde_json::to_string_pretty(&found)?;
        output::write(&format!("{text}\n"))?;
    } else {
        output::write(&render::render(&found))?;
    }
    Ok(ExitCode::from(u8::from(!found.same)))
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    fn write(path: &Path, numbers: std::ops::Range<u32>) {
        let row = |n| format!("{{\"input\":\"question {n}\",\"output\":\"answer {n}\"}}\n");
        fs::write(path, numbers.map(row).collect::<String>()).unwrap();
    }

    async fn code(a: &Path, b: &Path) -> String {
        let args = DiffArgs {
            a: a.to_str().unwrap().to_owned(),
            b: b.to_str().unwrap().to_owned(),
            json: false,
            stack: StackArgs {
                env_file: a.with_file_name("no-stack"),
            },
        };
        format!("{:?}", run_diff(args).await.unwrap())
    }

    #[tokio::test]
    async fn the_exit_code_shows_whether_the_rows_differ() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        write(&path("a.jsonl"), 0..9);
        write(&path("b.jsonl"), 1..10);
        fs::write(path("none.jsonl"), "no JSON\n").unwrap();
        for (a, b, expected) in [
            ("a.jsonl", "a.jsonl", 0),
            ("a.jsonl", "b.jsonl", 1),
            ("a.jsonl", "none.jsonl", 2),
            ("missing.jsonl", "a.jsonl", 2),
            ("a.jsonl", "tickets-3f2k9x1m4q7a", 2),
        ] {
            let expected = format!("{:?}", ExitCode::from(expected));
            assert_eq!(code(&path(a), &path(b)).await, expected, "{a} {b}");
        }
    }
}
