//! `lapidary policy`: shows, checks or sets the policy.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use shared::{
    google::{objects::Replaced, policies::PolicyObject},
    id::DatasetName,
    policy::{Policy, Residency},
    uri::GcsUri,
};

use crate::{arguments::StackArgs, exit::CommandResult, output, session::Session};

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  lapidary policy show > policy.toml
  lapidary policy check policy.toml
  lapidary policy set policy.toml")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Prints the policy of a running stack.
    Show {
        #[command(flatten)]
        stack: StackArgs,
    },
    /// Checks a file, and changes nothing.
    Check {
        /// The file.
        file: PathBuf,
    },
    /// Checks a file, and makes it the policy of a running stack.
    Set {
        /// The file.
        file: PathBuf,
        #[command(flatten)]
        stack: StackArgs,
    },
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> CommandResult {
    match args.action {
        Action::Show { stack } => {
            let session = Session::open(&stack.env_file).await?;
            let (text, generation) = object(&session)?.text().await?;
            output::print_note(&format!("generation {generation}"));
            output::write(&text)?;
        }
        Action::Check { file } => {
            let (_, policy) = read(&file)?;
            output::write(&describe(&policy))?;
        }
        Action::Set { file, stack } => {
            let (text, policy) = read(&file)?;
            let session = Session::open(&stack.env_file).await?;
            let uri = uri(&session)?;
            // Of two operators who change it at once, one must see what the other did.
            let before = session.objects.stat(&uri, None).await?;
            let before = before.map_or(0, |stat| stat.artifact.generation);
            match session
                .objects
                .replace(&uri, before, "application/toml", text)
                .await?
            {
                Replaced::Done(stat) => {
                    let generation = stat.artifact.generation;
                    output::write(&format!("{}generation {generation}\n", describe(&policy)))?;
                }
                Replaced::Lost => {
                    return Err("the policy changed at the same time: read it again".into());
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn uri(session: &Session) -> Result<GcsUri, Box<dyn std::error::Error>> {
    Ok(session.address("POLICY_URI")?.parse()?)
}

fn object(session: &Session) -> Result<PolicyObject, Box<dyn std::error::Error>> {
    Ok(PolicyObject::new(session.objects.clone(), uri(session)?))
}

/// A policy in a file: its text, and what it says.
pub(crate) fn read(file: &Path) -> Result<(String, Policy), Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("cannot read `{}`: {error}", file.display()))?;
    let policy = Policy::parse(&text)?;
    Ok((text, policy))
}

/// The policy in a few lines.
fn describe(policy: &Policy) -> String {
    let spend = &policy.spend;
    let mut lines = vec![format!(
        "at most {} a run, {} a day, {} a month; above {} a person approves",
        spend.run, spend.day, spend.month, spend.approve_above
    )];
    if spend.stopped {
        lines.push("stopped: nothing is bought".to_owned());
    }
    for dataset in &policy.datasets {
        let mut line = format!("dataset {}", dataset.name);
        if let Some(models) = &dataset.models {
            let names: Vec<&str> = models.iter().map(DatasetName::as_str).collect();
            let _infallible = write!(line, "; routes {}", names.join(", "));
        }
        if let Some(models) = &dataset.base_models {
            let _infallible = write!(line, "; base models {}", models.join(", "));
        }
        if dataset.location != Residency::Global {
            let _infallible = write!(line, "; stays in {}", dataset.location);
        }
        if dataset.recipe_required {
            line.push_str("; needs a recipe");
        }
        lines.push(line);
    }
    lines.push(String::new());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_described_by_what_it_limits() {
        let text = format!(
            "{}\n[[dataset]]\nname = \"a*\"\nmodels = [\"b\"]\nlocation = \"eu\"\nrecipe_required = true\n",
            shared::policy::DEFAULT.replace("stopped = false", "stopped = true")
        );
        let policy = Policy::parse(&text).unwrap();
        assert_eq!(
            describe(&policy),
            "at most $100.00 a run, $300.00 a day, $3000.00 a month; above $25.00 a person approves\n\
             stopped: nothing is bought\n\
             dataset a*; routes b; stays in eu; needs a recipe\n"
        );
    }
}
