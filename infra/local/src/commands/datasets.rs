//! `lapidary datasets`: what is between versions of a dataset.

mod compare;
mod lines;
mod side;
mod words;

use std::process::ExitCode;

use clap::Subcommand;
use shared::error::Chain;

use self::{compare::compare, side::Side};
use crate::{
    cli::{Outcome, StackArgs},
    output,
};

/// The arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compares two versions row by row.
    Diff(DiffArgs),
}

/// The arguments of `diff`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A and B are directories that `lapidary clean` made, JSONL files, or versions of a stack that is up.
Rows are the same if they mean the same, whatever format they are in; their order does not count.
Nothing of a row is printed, but where it is: `train:12` is line 12 of the part `train`.

Examples:
  lapidary datasets diff monday friday
  lapidary datasets diff rows.jsonl tickets-3f2k9x1m4q7a --json | jq .leaks

Exit codes:
  0  the same rows in the same parts
  1  rows were added, removed, moved, or are answered otherwise
  2  a side cannot be read, or no row of it")]
pub(crate) struct DiffArgs {
    /// What was before.
    a: String,
    /// What is now.
    b: String,
    /// Prints the comparison as one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    stack: StackArgs,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Outcome {
    match args.command {
        Command::Diff(args) => diff(args).await,
    }
}

#[expect(clippy::print_stderr, reason = "this is what a person reads")]
async fn diff(args: DiffArgs) -> Outcome {
    let mut sides = Vec::with_capacity(2);
    for name in [&args.a, &args.b] {
        match Side::read(name, &args.stack.env_file).await {
            Ok(side) => sides.push(side),
            Err(error) => {
                eprintln!("error: {}", Chain(&error));
                return Ok(ExitCode::from(2));
            }
        }
    }
    let (Some(b), Some(a)) = (sides.pop(), sides.pop()) else {
        return Ok(ExitCode::from(2));
    };
    let comparison = compare(a, b);
    if args.json {
        let text = serde_json::to_string_pretty(&comparison)?;
        output::write(&format!("{text}\n"))?;
    } else {
        output::write(&words::told(&comparison))?;
    }
    Ok(ExitCode::from(u8::from(!comparison.same)))
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
        format!("{:?}", diff(args).await.unwrap())
    }

    #[tokio::test]
    async fn the_exit_code_tells() {
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
