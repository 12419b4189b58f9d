//! `lapidary env`: the addresses of a running stack, as lines that a shell or a program reads.

use std::{collections::BTreeMap, fmt::Write as _, process::ExitCode};

use crate::{
    arguments::StackArgs,
    exit::CommandResult,
    output,
    session::{self, Error},
};

/// The services that gcloud finds by a variable, and the path below the stack's address at which each begins.
const GCLOUD_SERVICES: [(&str, &str); 5] = [
    ("STORAGE", "/storage/v1/"),
    ("PUBSUB", "/"),
    ("CLOUDSCHEDULER", "/"),
    ("LOGGING", "/"),
    ("RUN", "/"),
];

/// How the lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Shell {
    /// `export NAME=VALUE`, also for zsh and sh.
    Bash,
    /// `set -gx NAME VALUE`.
    Fish,
    /// `NAME=VALUE`, for files of environments.
    Dotenv,
}

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Google's clients find the stack by these variables, with default credentials, and so do gcloud's commands for storage,
Pub/Sub, Scheduler, logging and Cloud Run.

Examples:
  eval \"$(lapidary env)\" && gcloud storage cp data.jsonl gs://lapidary-local-uploads/tickets/data.jsonl
  lapidary env --shell fish | source
  lapidary env --shell dotenv > .env")]
pub(crate) struct Args {
    /// The shell that is to read the lines.
    #[arg(long, value_enum, default_value_t = Shell::Bash)]
    shell: Shell,
    #[command(flatten)]
    stack: StackArgs,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> CommandResult {
    let addresses = session::addresses(&args.stack.env_file)?;
    output::write(&lines(&variables(addresses)?, args.shell))?;
    Ok(ExitCode::SUCCESS)
}

/// The addresses, and the same for gcloud, which has variables of its own.
fn variables(addresses: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Error> {
    const STORAGE: &str = "STORAGE_EMULATOR_HOST";
    const PROJECT: &str = "GOOGLE_CLOUD_PROJECT";
    let address = |name| addresses.get(name).ok_or(Error::Missing(name));
    let (host, project) = (address(STORAGE)?.clone(), address(PROJECT)?.clone());
    let mut all = addresses;
    all.extend(GCLOUD_SERVICES.map(|(service, path)| {
        let name = format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{service}");
        (name, format!("{host}{path}"))
    }));
    all.insert("CLOUDSDK_CORE_PROJECT".to_owned(), project);
    // gcloud asks for a login otherwise, although the stack checks none.
    all.insert(
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS".to_owned(),
        "true".to_owned(),
    );
    Ok(all)
}

fn lines(variables: &BTreeMap<String, String>, shell: Shell) -> String {
    let mut text = String::new();
    for (name, value) in variables {
        let _infallible = match shell {
            Shell::Bash => writeln!(text, "export {name}={}", quoted(value, r"'\''")),
            Shell::Fish => writeln!(text, "set -gx {name} {}", quoted(value, r"\'")),
            Shell::Dotenv => writeln!(text, "{name}={value}"),
        };
    }
    text
}

/// `value` as one word of a shell, whose way to write a quote between quotes is `quote`.
fn quoted(value: &str, quote: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !value.is_empty() && value.chars().all(is_plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', quote))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses() -> BTreeMap<String, String> {
        [
            ("STORAGE_EMULATOR_HOST", "http://127.0.0.1:8900"),
            ("GOOGLE_CLOUD_PROJECT", "lapidary-local"),
            ("DATA", "it's here"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    #[test]
    fn each_shell_gets_lines_that_it_reads() {
        let variables = variables(addresses()).unwrap();
        let has = |shell, line: &str| {
            let lines = lines(&variables, shell);
            assert!(lines.lines().any(|it| it == line), "{lines}");
        };
        has(Shell::Bash, "export GOOGLE_CLOUD_PROJECT=lapidary-local");
        has(Shell::Bash, r"export DATA='it'\''s here'");
        has(Shell::Fish, r"set -gx DATA 'it\'s here'");
        has(Shell::Dotenv, "DATA=it's here");
        has(
            Shell::Dotenv,
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE=http://127.0.0.1:8900/storage/v1/",
        );
    }

    #[test]
    fn a_file_without_addresses_is_not_that_of_a_stack() {
        assert!(variables(BTreeMap::new()).is_err());
    }
}
