//! `lapidary doctor`: what is missing in a deployment, and how to fix it.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use serde::Serialize;
use shared::{
    config::{Reader, Vars},
    error::Chain,
    google::Google,
};

use crate::{
    doctor::{self, CheckStatus, CloudConfig, Diagnosis},
    exit::{self, CommandResult},
    output, session,
    table::{Align, TextTable},
    text,
    topology::Topology,
};

/// Longest wait for the credentials.
const ACCOUNT_MAX: Duration = Duration::from_secs(20);
/// Longest reason for missing credentials that is shown, in characters: their library repeats itself.
const REASON_MAX: usize = 200;
/// The exit code where something is missing.
const MISSING: u8 = 1;

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The command changes nothing. On a laptop's stack it checks only what such a stack has.

Examples:
  lapidary doctor                                       the running stack
  lapidary doctor --project acme-prod                   a Google Cloud project
  lapidary doctor --env-file cloud.env --json | jq '.checks[] | select(.status != \"ok\")'

Exit codes:
  0  nothing is missing; there may be warnings, and checks with the status unknown
  1  something is missing
  2  nothing could be checked: no stack, no credentials or no permissions")]
pub(crate) struct Args {
    /// The file of addresses of a stack, or a file with `GOOGLE_CLOUD_PROJECT` and `TUNING_REGION`.
    #[arg(long, value_name = "PATH", conflicts_with = "project")]
    env_file: Option<PathBuf>,
    /// A Google Cloud project, instead of a file.
    #[arg(long)]
    project: Option<String>,
    /// The region of its resources.
    #[arg(long, requires = "project", default_value = "us-central1")]
    region: String,
    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
}

/// What is printed as JSON. Fields are only ever added.
#[derive(Serialize)]
struct DoctorReport<'a> {
    project: &'a str,
    region: &'a str,
    account: Option<&'a str>,
    checks: &'a [Diagnosis],
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> CommandResult {
    let (topology, config) = (Topology::load()?, CloudConfig::load()?);
    let (vars, google) = match connect(&args) {
        Ok(connected) => connected,
        Err(error) => {
            let cloud = "for a Google Cloud project, use `lapidary doctor --project PROJECT`";
            return Ok(unchecked(&format!("{}; {cloud}", Chain(&*error))));
        }
    };
    let account = match tokio::time::timeout(ACCOUNT_MAX, google.account()).await {
        Ok(Ok(account)) => account,
        Ok(Err(error)) => return Ok(unchecked(&no_credentials(&Chain(&error).to_string()))),
        Err(_) => return Ok(unchecked(&no_credentials("timed out"))),
    };
    let checks = doctor::inspect(&google, &vars, &topology, &config).await;
    let report = DoctorReport {
        project: google.project(),
        region: google.region(),
        account: account.as_deref(),
        checks: &checks,
    };
    if args.json {
        output::write(&format!("{}\n", serde_json::to_string_pretty(&report)?))?;
    } else {
        output::write(&report.render())?;
    }
    Ok(ExitCode::from(exit_code(&checks)))
}

/// Connects to the deployment that the arguments name.
fn connect(args: &Args) -> Result<(Vars, Google), Box<dyn std::error::Error>> {
    let vars = match (&args.project, &args.env_file) {
        (Some(project), _) => Vars::from([
            ("GOOGLE_CLOUD_PROJECT".to_owned(), project.clone()),
            ("TUNING_REGION".to_owned(), args.region.clone()),
        ]),
        (None, Some(file)) => session::addresses(file)?,
        (None, None) => session::addresses(session::ENV_FILE.as_ref())?,
    };
    let mut read = Reader::new(&vars);
    let google = Google::read("doctor", &mut read);
    let google = read.finish(|| google)?;
    Ok((vars, google))
}

fn unchecked(why: &str) -> ExitCode {
    output::print_error(why);
    ExitCode::from(exit::UNUSABLE)
}

fn no_credentials(why: &str) -> String {
    let why = text::line(why, REASON_MAX);
    format!("no credentials: run `gcloud auth application-default login` ({why})")
}

fn exit_code(checks: &[Diagnosis]) -> u8 {
    let has = |status: CheckStatus| checks.iter().any(|check| check.status == status);
    if has(CheckStatus::Missing) {
        MISSING
    } else if has(CheckStatus::Ok) || has(CheckStatus::Warning) {
        0
    } else {
        exit::UNUSABLE
    }
}

impl DoctorReport<'_> {
    /// For people: a line for each check, then the checks that were skipped, then the counts.
    fn render(&self) -> String {
        let account = self.account.unwrap_or("an unknown account");
        let mut table = TextTable::new(&[
            ("", Align::Left),
            ("CHECK", Align::Left),
            ("FOUND", Align::Left),
        ]);
        let (mut counts, mut skipped) = ([0_u32; 4], Vec::new());
        for check in self.checks {
            let (word, count) = match check.status {
                CheckStatus::Ok => ("ok", counts.get_mut(0)),
                CheckStatus::Warning => ("warning", counts.get_mut(1)),
                CheckStatus::Missing => ("missing", counts.get_mut(2)),
                CheckStatus::Unknown => ("unknown", counts.get_mut(3)),
                CheckStatus::Skipped => {
                    skipped.push(check.check.as_str());
                    continue;
                }
            };
            if let Some(count) = count {
                *count += 1;
            }
            table.row([word.to_owned(), check.check.clone(), check.message.clone()]);
        }
        let [ok, warnings, missing, unknown] = counts;
        let skipped = match skipped.as_slice() {
            [] => String::new(),
            some => format!("\nNot on this stack: {}.\n", some.join(", ")),
        };
        format!(
            "{} in {}, as {account}\n\n{}{skipped}\n\
             {ok} ok, {warnings} with a warning, {missing} missing, {unknown} unknown.\n",
            self.project,
            self.region,
            table.render()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnosis(status: CheckStatus) -> Diagnosis {
        Diagnosis {
            check: format!("{status:?}").to_lowercase(),
            status,
            message: "what was found".to_owned(),
        }
    }

    #[track_caller]
    fn check(statuses: &[CheckStatus], expected: u8) {
        let checks: Vec<_> = statuses.iter().copied().map(diagnosis).collect();
        assert_eq!(exit_code(&checks), expected, "{statuses:?}");
    }

    #[test]
    fn the_exit_code_distinguishes_missing_from_unchecked() {
        use CheckStatus::{Missing, Ok, Skipped, Unknown, Warning};
        check(&[Ok, Warning, Unknown, Skipped], 0);
        check(&[Ok, Unknown, Missing], 1);
        check(&[Missing], 1);
        check(&[Unknown, Skipped], 2);
        check(&[], 2);
    }

    #[test]
    fn every_check_is_a_line_and_the_skipped_ones_share_one() {
        use CheckStatus::{Missing, Ok, Skipped, Unknown, Warning};
        let checks = [Ok, Warning, Missing, Unknown, Skipped].map(diagnosis);
        let report = DoctorReport {
            project: "acme-prod",
            region: "us-central1",
            account: Some("ada@example.com"),
            checks: &checks,
        };
        insta::assert_snapshot!(report.render(), @r"
        acme-prod in us-central1, as ada@example.com

                 CHECK    FOUND
        ok       ok       what was found
        warning  warning  what was found
        missing  missing  what was found
        unknown  unknown  what was found

        Not on this stack: skipped.

        1 ok, 1 with a warning, 1 missing, 1 unknown.
        ");
        let json = serde_json::to_value(&report).unwrap();
        let fourth = serde_json::json!({
            "check": "unknown", "status": "unknown", "message": "what was found",
        });
        assert_eq!(json.pointer("/checks/3"), Some(&fourth));
        assert_eq!(json.pointer("/account"), Some(&"ada@example.com".into()));
    }
}
