//! `lapidary clean`: writes the files that the function `clean` writes, offline.

mod description;
mod output_directory;
mod part_files;

use std::{path::PathBuf, process::ExitCode};

use clean_engine::{Plan, ReportVerdict};
use shared::id::DatasetName;

use self::output_directory::OutputDirectory;
use crate::{
    arguments::CleaningLimits, commands::check, earlier_versions::EarlierVersions, exit, output,
    preflight::CleaningInput, screen::Screen,
};

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Writes train.jsonl, validation.jsonl, eval.jsonl, rejected.jsonl, corrected.jsonl, report.json,
card.md and manifest.json. For the same file and recipe, the files of rows are byte for byte those
of the function `clean`, and the report is the same.

Examples:
  lapidary clean rows.jsonl --out cleaned
  lapidary clean more.jsonl --out friday --held-out monday

Exit codes:
  0  every row can be trained on
  1  some rows are rejected
  2  the file has no row that can be trained on, or cannot be read, or the files cannot be
     written: nothing is written")]
pub(crate) struct Args {
    /// The file.
    file: PathBuf,
    /// The directory to write to.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The recipe, instead of the `recipe.toml` next to the file.
    #[arg(long, value_name = "PATH")]
    recipe: Option<PathBuf>,
    /// Writes into a directory that is not empty, and overwrites files of the same names.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    earlier: EarlierVersions,
    #[command(flatten)]
    limits: CleaningLimits,
}

/// Runs the command. No failure has exit code 1, which means rejected rows.
pub(crate) fn run(args: &Args) -> ExitCode {
    match clean(args) {
        Ok(code) => ExitCode::from(code),
        Err(error) => exit::unusable(&*error),
    }
}

fn clean(args: &Args) -> Result<u8, Box<dyn std::error::Error>> {
    let input = CleaningInput::open(&args.file, args.recipe.as_deref(), &args.earlier)?;
    let out = OutputDirectory::open(&args.out, &args.file, args.force)?;
    let plan = Plan::default().holding_out(input.held_out.clone());
    let (cleaned, parts) = input.read(&Screen::new(), |source, settings, progress| {
        out.clean(plan, source, settings, args.limits.machine(), progress)
    })?;
    let preflight = input.into_preflight(cleaned);
    let report = &preflight.cleaned.report;
    let usable = report.verdict != ReportVerdict::Unusable;
    if usable {
        out.keep(&args.file, &preflight, parts)?;
    }
    let conditions = check::PlanArgs::default().conditions()?;
    output::write(&check::render(&args.file, &preflight, &conditions))?;
    if usable {
        let (out, next) = (
            args.out.display(),
            next_command(args, &conditions.dataset_of(&args.file, &preflight)),
        );
        output::write(&format!(
            "\nWrote the files to {out}. To tune on these rows:\n  {next}\n"
        ))?;
    }
    Ok(check::report_code(report))
}

/// The command that uploads the file with the recipe by which it was cleaned, quoted for a shell.
fn next_command(args: &Args, dataset: &DatasetName) -> String {
    let mut words = vec![
        "lapidary".into(),
        "drop".into(),
        args.file.to_string_lossy(),
    ];
    words.extend(["--dataset".into(), dataset.as_str().into()]);
    if let Some(recipe) = &args.recipe {
        words.extend(["--recipe".into(), recipe.to_string_lossy()]);
    }
    // Quoting fails only for a zero byte, which no file name has.
    shlex::try_join(words.iter().map(AsRef::as_ref)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    fn args(directory: &Path, force: bool) -> Args {
        Args {
            file: directory.join("rows.jsonl"),
            out: directory.join("out"),
            recipe: None,
            force,
            earlier: EarlierVersions::default(),
            limits: CleaningLimits::default(),
        }
    }

    fn rows(count: usize) -> String {
        let rows = (0..count).map(|row| {
            format!(r#"{{"input": "question {row}", "output": "answer number {row}"}}"#)
        });
        rows.collect::<Vec<_>>().join("\n")
    }

    fn files(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn a_directory_with_files_needs_force() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        fs::write(directory.join("rows.jsonl"), rows(40)).unwrap();
        let first = run(&args(directory, false));
        assert_eq!(format!("{first:?}"), format!("{:?}", ExitCode::SUCCESS));
        let expected = [
            "card.md",
            "corrected.jsonl",
            "eval.jsonl",
            "manifest.json",
            "rejected.jsonl",
            "report.json",
            "train.jsonl",
            "validation.jsonl",
        ];
        assert_eq!(files(&directory.join("out")), expected);
        let train = fs::read(directory.join("out/train.jsonl")).unwrap();
        let refusal = clean(&args(directory, false)).unwrap_err();
        assert!(refusal.to_string().contains("--force"), "{refusal}");
        let code = run(&args(directory, false));
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::from(2)));
        run(&args(directory, true));
        assert_eq!(files(&directory.join("out")), expected);
        assert_eq!(fs::read(directory.join("out/train.jsonl")).unwrap(), train);
        let card = fs::read_to_string(directory.join("out/card.md")).unwrap();
        assert!(card.starts_with("# rows.jsonl\n"), "{card}");
    }

    #[test]
    fn rows_that_an_earlier_version_holds_out_are_not_trained_on() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let read = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
        fs::write(directory.join("rows.jsonl"), rows(40)).unwrap();
        run(&args(directory, false));
        fs::rename(directory.join("out"), directory.join("first")).unwrap();
        let eval = read("first/eval.jsonl");
        fs::write(
            directory.join("recipe.toml"),
            "[clean]\nvalidation_percent = 0\nsystem_instruction = 'Be brief.'\n",
        )
        .unwrap();
        fs::write(directory.join("rows.jsonl"), rows(4_000)).unwrap();
        let second = Args {
            earlier: EarlierVersions::at(&[&directory.join("first")]),
            ..args(directory, false)
        };
        run(&second);
        for row in eval.lines() {
            let question = row.split_once("\"contents\":").unwrap().1;
            assert!(read("out/eval.jsonl").contains(question));
            assert!(!read("out/train.jsonl").contains(question));
        }
        let manifest = |name: &str| -> serde_json::Value {
            serde_json::from_str(&read(&format!("{name}/manifest.json"))).unwrap()
        };
        assert_eq!(manifest("out")["held_out"]["rows"], 4);
        assert!(manifest("first").get("held_out").is_none());
    }

    #[test]
    fn the_input_file_is_never_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let file = directory.join("train.jsonl");
        fs::write(&file, rows(40)).unwrap();
        let onto_itself = Args {
            file: file.clone(),
            out: directory.to_owned(),
            ..args(directory, true)
        };
        let refusal = clean(&onto_itself).unwrap_err();
        assert!(refusal.to_string().contains("overwritten"), "{refusal}");
        assert_eq!(fs::read_to_string(&file).unwrap(), rows(40));
    }

    #[test]
    fn files_of_an_interrupted_run_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        fs::write(directory.join("rows.jsonl"), rows(40)).unwrap();
        fs::create_dir(directory.join("out")).unwrap();
        fs::write(directory.join("out/.lapidary-1"), "half a").unwrap();
        run(&args(directory, false));
        assert!(!directory.join("out/.lapidary-1").exists());
        assert!(directory.join("out/train.jsonl").exists());
    }

    #[test]
    fn the_next_command_is_quoted_for_a_shell() {
        let named = |file: &str, recipe: Option<&str>| {
            let args = Args {
                file: file.into(),
                recipe: recipe.map(Into::into),
                ..args(Path::new(""), false)
            };
            next_command(&args, &"tickets".parse().unwrap())
        };
        assert_eq!(
            named("tickets.jsonl", None),
            "lapidary drop tickets.jsonl --dataset tickets"
        );
        assert_eq!(
            named("My rows' $(rm).jsonl", Some("a b.toml")),
            "lapidary drop \"My rows' \"'$(rm).jsonl' --dataset tickets --recipe 'a b.toml'"
        );
    }

    #[test]
    fn nothing_is_written_for_an_unusable_file() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        fs::write(directory.join("rows.jsonl"), "no json\n").unwrap();
        let code = run(&args(directory, false));
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::from(2)));
        assert!(!directory.join("out").exists());
    }
}
