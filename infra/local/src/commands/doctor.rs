//! `lapidary doctor`: what is there of what should be, and what to do where it is not.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use serde::Serialize;
use shared::{
    config::{Reader, Vars},
    error::Chain,
    google::Google,
};

use crate::{
    cli::Outcome,
    doctor::{self, Catalogue, Finding, Verdict},
    output, session,
    table::{Align, Table},
    text,
    topology::Topology,
};

/// Longest that the credentials may take to show themselves.
const ACCOUNT_MAX: Duration = Duration::from_secs(20);
/// Characters of why there are no credentials: their library tells one thing many times.
const WHY_MAX: usize = 200;
/// The exit code where something is missing.
const MISSING: u8 = 1;
/// The exit code where nothing could be looked at.
const UNSEEN: u8 = 2;

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Nothing is changed. Of a laptop's stack only what it has is looked at.

Examples:
  lapidary doctor                                       the stack that is up
  lapidary doctor --project acme-prod                   a project in Google Cloud
  lapidary doctor --env-file cloud.env --json | jq '.findings[] | select(.verdict != \"ok\")'

Exit codes:
  0  nothing is missing; warnings, and what cannot be told, are in the list
  1  something is missing
  2  nothing could be looked at: no stack, no credentials, no rights")]
pub(crate) struct Args {
    /// The file that says where: a stack's, or one with `GOOGLE_CLOUD_PROJECT` and `TUNING_REGION`.
    #[arg(long, value_name = "PATH", conflicts_with = "project")]
    env_file: Option<PathBuf>,
    /// A project in Google Cloud, in place of a file.
    #[arg(long)]
    project: Option<String>,
    /// Where everything of it is.
    #[arg(long, requires = "project", default_value = "us-central1")]
    region: String,
    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
}

/// What is printed as JSON. Fields are only ever added.
#[derive(Serialize)]
struct Report<'a> {
    project: &'a str,
    region: &'a str,
    account: Option<&'a str>,
    findings: &'a [Finding],
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Outcome {
    let (topology, catalogue) = (Topology::load()?, Catalogue::load()?);
    let (vars, google) = match place(&args) {
        Ok(found) => found,
        Err(error) => {
            let cloud = "for a project in Google Cloud: `lapidary doctor --project PROJECT`";
            return Ok(unseen(&format!("{}; {cloud}", Chain(&*error))));
        }
    };
    let account = match tokio::time::timeout(ACCOUNT_MAX, google.account()).await {
        Ok(Ok(account)) => account,
        Ok(Err(error)) => return Ok(unseen(&without_credentials(&Chain(&error).to_string()))),
        Err(_) => return Ok(unseen(&without_credentials("nobody answers"))),
    };
    let findings = doctor::look(&google, &vars, &topology, &catalogue).await;
    let report = Report {
        project: google.project(),
        region: google.region(),
        account: account.as_deref(),
        findings: &findings,
    };
    if args.json {
        output::write(&format!("{}\n", serde_json::to_string_pretty(&report)?))?;
    } else {
        output::write(&report.words())?;
    }
    Ok(ExitCode::from(code(&findings)))
}

/// Where to look.
fn place(args: &Args) -> Result<(Vars, Google), Box<dyn std::error::Error>> {
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

fn unseen(why: &str) -> ExitCode {
    output::complain(why);
    ExitCode::from(UNSEEN)
}

fn without_credentials(why: &str) -> String {
    let why = text::line(why, WHY_MAX);
    format!("no credentials: `gcloud auth application-default login` ({why})")
}

/// How the command ends.
fn code(findings: &[Finding]) -> u8 {
    let has = |wanted: Verdict| findings.iter().any(|it| it.verdict == wanted);
    if has(Verdict::Missing) {
        MISSING
    } else if has(Verdict::Ok) || has(Verdict::Warning) {
        0
    } else {
        UNSEEN
    }
}

impl Report<'_> {
    /// For people: a line of each finding, then what this place does not have, then the sum.
    fn words(&self) -> String {
        let who = self.account.unwrap_or("whoever the credentials are of");
        let mut table = Table::new(&[
            ("", Align::Left),
            ("WHAT", Align::Left),
            ("FOUND", Align::Left),
        ]);
        let (mut counts, mut skipped) = ([0_u32; 4], Vec::new());
        for finding in self.findings {
            let (word, count) = match finding.verdict {
                Verdict::Ok => ("ok", counts.get_mut(0)),
                Verdict::Warning => ("warning", counts.get_mut(1)),
                Verdict::Missing => ("missing", counts.get_mut(2)),
                Verdict::CannotTell => ("cannot tell", counts.get_mut(3)),
                Verdict::Skipped => {
                    skipped.push(finding.about.as_str());
                    continue;
                }
            };
            if let Some(count) = count {
                *count += 1;
            }
            table.row([word.to_owned(), finding.about.clone(), finding.says.clone()]);
        }
        let [ok, warnings, missing, unsure] = counts;
        let not_here = match skipped.as_slice() {
            [] => String::new(),
            some => format!("\nNot on this stack: {}.\n", some.join(", ")),
        };
        format!(
            "{} in {}, as {who}\n\n{}{not_here}\n\
             {ok} ok, {warnings} with a warning, {missing} missing, {unsure} that cannot be told.\n",
            self.project,
            self.region,
            table.render()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(verdict: Verdict) -> Finding {
        Finding {
            about: format!("{verdict:?}").to_lowercase(),
            verdict,
            says: "what was seen".to_owned(),
        }
    }

    #[track_caller]
    fn check(verdicts: &[Verdict], expected: u8) {
        let findings: Vec<_> = verdicts.iter().copied().map(finding).collect();
        assert_eq!(code(&findings), expected, "{verdicts:?}");
    }

    #[test]
    fn the_exit_code_tells_missing_from_unseen() {
        use Verdict::{CannotTell, Missing, Ok, Skipped, Warning};
        check(&[Ok, Warning, CannotTell, Skipped], 0);
        check(&[Ok, CannotTell, Missing], 1);
        check(&[Missing], 1);
        check(&[CannotTell, Skipped], 2);
        check(&[], 2);
    }

    #[test]
    fn every_finding_is_a_line_and_what_is_not_here_is_one_for_all() {
        use Verdict::{CannotTell, Missing, Ok, Skipped, Warning};
        let findings = [Ok, Warning, Missing, CannotTell, Skipped].map(finding);
        let report = Report {
            project: "acme-prod",
            region: "us-central1",
            account: Some("ada@example.com"),
            findings: &findings,
        };
        insta::assert_snapshot!(report.words(), @r"
        acme-prod in us-central1, as ada@example.com

                     WHAT        FOUND
        ok           ok          what was seen
        warning      warning     what was seen
        missing      missing     what was seen
        cannot tell  cannottell  what was seen

        Not on this stack: skipped.

        1 ok, 1 with a warning, 1 missing, 1 that cannot be told.
        ");
        let json = serde_json::to_value(&report).unwrap();
        let fourth = serde_json::json!({
            "about": "cannottell", "verdict": "cannot_tell", "says": "what was seen",
        });
        assert_eq!(json.pointer("/findings/3"), Some(&fourth));
        assert_eq!(json.pointer("/account"), Some(&"ada@example.com".into()));
    }
}
