//! `lapidary clean`: the files that the function would make, offline.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs::{self, DirEntry, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clean_engine::{
    AppliedRule, Cleaned, Crc32c, HeldOut, Machine, OutputFile, Outputs, Plan, Provenance,
    RowCounts, Sample, Settings, Source, SplitCounts, Verdict, Written,
};
use serde::Serialize;
use shared::{error::Chain, id::DatasetName, recipe::Recipe};
use tempfile::NamedTempFile;

use crate::{
    commands::check,
    earlier::Earlier,
    limits::Limits,
    output,
    preflight::{Preflight, Subject},
    story::screen::Screen,
};

const REPORT: &str = "report.json";
const CARD: &str = "card.md";
const MANIFEST: &str = "manifest.json";

/// What the names of files begin with until they are whole.
const PASSING: &str = ".lapidary-";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Writes train.jsonl, validation.jsonl, eval.jsonl, rejected.jsonl, corrected.jsonl, report.json,
card.md and manifest.json. The rows are the same bytes that the function makes of the same file and
recipe, and the report says the same of them.

Examples:
  lapidary clean rows.jsonl --out cleaned
  lapidary clean more.jsonl --out friday --held-out monday

Exit codes:
  0  every row can be trained on
  1  some rows are rejected
  2  nothing in the file can be trained on, or it cannot be read, or the files cannot be
     written: nothing is written")]
pub(crate) struct Args {
    /// The file.
    file: PathBuf,
    /// Where the files go.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The recipe, in place of the `recipe.toml` beside the file.
    #[arg(long, value_name = "PATH")]
    recipe: Option<PathBuf>,
    /// Writes into a directory that is not empty, over files of the same names.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    earlier: Earlier,
    #[command(flatten)]
    limits: Limits,
}

/// Why the files cannot be written.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// The directory has files in it.
    #[error("`{}` is not empty: choose another directory, or --force", .0.display())]
    NotEmpty(PathBuf),
    /// A file that is to be written is the one that is to be read.
    #[error("`{}` is the file to be cleaned, and would be written over: choose another directory", .0.display())]
    Itself(PathBuf),
    /// A file cannot be written.
    #[error("cannot write to `{}`", path.display())]
    Write {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Runs the command. Whatever stops it, the exit code is not that of rejected rows.
pub(crate) fn run(args: &Args) -> ExitCode {
    let code = clean_into(args).unwrap_or_else(|error| {
        output::complain(&Chain(&*error).to_string());
        2
    });
    ExitCode::from(code)
}

fn clean_into(args: &Args) -> Result<u8, Box<dyn std::error::Error>> {
    let subject = Subject::open(&args.file, args.recipe.as_deref(), &args.earlier)?;
    let out = Out::open(args)?;
    let plan = Plan::default().holding_out(subject.held_out.clone());
    let (cleaned, sheets) = subject.read(&Screen::new(), |source, settings, progress| {
        out.clean(plan, source, settings, args.limits.machine(), progress)
    })?;
    let preflight = subject.came_to(cleaned);
    let report = &preflight.cleaned.report;
    let usable = report.verdict != Verdict::Unusable;
    if usable {
        out.keep(&args.file, &preflight, sheets)?;
    }
    output::write(&check::human(&preflight))?;
    if usable {
        let (out, next) = (args.out.display(), next(args));
        output::write(&format!(
            "\nWrote the files to {out}. To tune on these rows:\n  {next}\n"
        ))?;
    }
    Ok(check::report_code(report))
}

/// The command that uploads the file, with the recipe it was cleaned by, to be pasted as it is.
fn next(args: &Args) -> String {
    let stem = args.file.file_stem().unwrap_or_default().to_string_lossy();
    let is_name = stem.parse::<DatasetName>().is_ok();
    let dataset = if is_name { &*stem } else { "rows" };
    let mut words = vec![
        "lapidary".into(),
        "drop".into(),
        args.file.to_string_lossy(),
    ];
    words.extend(["--dataset".into(), dataset.into()]);
    if let Some(recipe) = &args.recipe {
        words.extend(["--recipe".into(), recipe.to_string_lossy()]);
    }
    // No file's name has the one character that cannot be quoted.
    shlex::try_join(words.iter().map(AsRef::as_ref)).unwrap_or_default()
}

/// What `manifest.json` says: enough to make the same files again, and to know them.
#[derive(Serialize)]
struct Manifest<'a> {
    /// The file's name; not where it was, so that the same rows make the same manifest anywhere.
    source: &'a str,
    source_crc32c: Crc32c,
    source_bytes: u64,
    code_version: &'static str,
    template_version: Option<&'a str>,
    recipe: &'a Recipe,
    settings: &'a Settings,
    /// Every rule by its code: its version, and what was done about it.
    rules: BTreeMap<&'static str, AppliedRule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    held_out: Option<Withheld>,
    rows: RowCounts,
    splits: SplitCounts,
    codes: &'a BTreeMap<String, u64>,
    parts: Option<&'a Written>,
    samples: &'a [Sample],
}

/// What earlier versions held out, without its text.
#[derive(Serialize)]
struct Withheld {
    rows: u64,
    digest: String,
}

impl Withheld {
    fn of(held_out: &HeldOut) -> Option<Self> {
        (!held_out.is_empty()).then(|| Self {
            rows: held_out.rows(),
            digest: held_out.digest(),
        })
    }
}

/// The directory that the files go to.
struct Out<'a> {
    path: &'a Path,
    /// Whether it was not there before.
    made: bool,
}

impl<'a> Out<'a> {
    fn open(args: &'a Args) -> Result<Self, Error> {
        let path = args.out.as_path();
        let made = !path.exists();
        let out = Self { path, made };
        let failed = |source| out.failed(source);
        fs::create_dir_all(path).map_err(failed)?;
        let entries = fs::read_dir(path).map_err(failed)?;
        let entries: Vec<DirEntry> = entries.collect::<io::Result<_>>().map_err(failed)?;
        let is_left = |entry: &&DirEntry| entry.file_name().to_string_lossy().starts_with(PASSING);
        let (left, others): (Vec<_>, Vec<_>) = entries.iter().partition(is_left);
        if !others.is_empty() && !args.force {
            return Err(Error::NotEmpty(path.to_owned()));
        }
        let file = args.file.canonicalize().unwrap_or_default();
        let is_it = |name: &String| {
            path.join(name)
                .canonicalize()
                .is_ok_and(|path| path == file)
        };
        if names().any(|name| is_it(&name)) {
            return Err(Error::Itself(args.file.clone()));
        }
        // Of a run that was interrupted.
        for entry in left {
            fs::remove_file(entry.path()).map_err(failed)?;
        }
        Ok(out)
    }

    /// Cleans `source` into files under passing names, in as many passes as it takes.
    fn clean(
        &self,
        mut plan: Plan,
        source: &dyn Source,
        settings: &Settings,
        machine: Machine,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(Cleaned, Sheets), clean_engine::Error> {
        loop {
            let sheets = Sheets::new(self.path);
            let mut sheets = sheets.map_err(|source| clean_engine::Error::Write {
                file: OutputFile::Train,
                source,
            })?;
            let outputs = Some(&mut sheets as &mut dyn Outputs);
            match clean_engine::pass(source, settings, &plan, machine, outputs, progress)? {
                clean_engine::Outcome::Done(cleaned) => return Ok((*cleaned, sheets)),
                clean_engine::Outcome::Again(better) => plan = better,
            }
        }
    }

    /// Gives every file its own name.
    fn keep(&self, file: &Path, preflight: &Preflight, sheets: Sheets) -> Result<(), Error> {
        let report = &preflight.cleaned.report;
        let manifest = Manifest {
            source: &name_of(file),
            source_crc32c: report.crc32c,
            source_bytes: report.bytes,
            code_version: env!("CARGO_PKG_VERSION"),
            template_version: report.template_version.as_deref(),
            recipe: &preflight.recipe,
            settings: &preflight.settings,
            rules: preflight.settings.rules(),
            held_out: Withheld::of(&preflight.held_out),
            rows: report.rows,
            splits: report.splits,
            codes: &report.codes,
            parts: preflight.cleaned.written.as_ref(),
            samples: &preflight.cleaned.samples,
        };
        let failed = |source| self.failed(source);
        let report = json(self.path, report).map_err(failed)?;
        let card = text(self.path, &card_of(file, preflight)).map_err(failed)?;
        let manifest = json(self.path, &manifest).map_err(failed)?;
        for (sheet, part) in sheets.0.into_iter().zip(OutputFile::ALL) {
            keep(sheet, &self.path.join(part_name(part))).map_err(failed)?;
        }
        keep(report, &self.path.join(REPORT)).map_err(failed)?;
        keep(card, &self.path.join(CARD)).map_err(failed)?;
        // Last: whoever finds a manifest finds all it speaks of.
        keep(manifest, &self.path.join(MANIFEST)).map_err(failed)
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::Write {
            path: self.path.to_owned(),
            source,
        }
    }
}

impl Drop for Out<'_> {
    /// Leaves no empty directory where there was none.
    fn drop(&mut self) {
        if self.made {
            let _not_empty = fs::remove_dir(self.path);
        }
    }
}

/// The names of all files that are written.
fn names() -> impl Iterator<Item = String> {
    let parts = OutputFile::ALL.iter().map(|part| part_name(*part));
    parts.chain([REPORT, CARD, MANIFEST].map(str::to_owned))
}

fn part_name(part: OutputFile) -> String {
    format!("{}.jsonl", part.name())
}

/// What `card.md` says: by no clock and no directory, so that it is the same wherever it is made.
fn card_of(file: &Path, preflight: &Preflight) -> String {
    let name = name_of(file);
    let about = Provenance {
        name: &name,
        source: &name,
        recipe: &preflight.recipe.to_toml(),
        settings: &preflight.settings,
        code_version: env!("CARGO_PKG_VERSION"),
        made_at: None,
    };
    clean_engine::card(&about, &preflight.cleaned)
}

fn name_of(file: &Path) -> Cow<'_, str> {
    file.file_name().unwrap_or_default().to_string_lossy()
}

/// A file for each part, in the order of [`OutputFile::ALL`].
struct Sheets([NamedTempFile; OutputFile::ALL.len()]);

impl Sheets {
    fn new(out: &Path) -> io::Result<Self> {
        Ok(Self([
            passing(out)?,
            passing(out)?,
            passing(out)?,
            passing(out)?,
            passing(out)?,
        ]))
    }
}

impl Outputs for Sheets {
    fn writer(&mut self, part: OutputFile) -> &mut dyn Write {
        let [train, validation, eval, rejected, corrected] = &mut self.0;
        match part {
            OutputFile::Train => train,
            OutputFile::Validation => validation,
            OutputFile::Eval => eval,
            OutputFile::Rejected => rejected,
            OutputFile::Corrected => corrected,
        }
    }
}

/// A file that goes away unless it is kept; readable by others, as any new file is.
fn passing(out: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(PASSING)
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(out)
}

fn json(out: &Path, value: &impl Serialize) -> io::Result<NamedTempFile> {
    let mut file = passing(out)?;
    serde_json::to_writer_pretty(&mut file, value)?;
    file.write_all(b"\n")?;
    Ok(file)
}

fn text(out: &Path, text: &str) -> io::Result<NamedTempFile> {
    let mut file = passing(out)?;
    file.write_all(text.as_bytes())?;
    Ok(file)
}

fn keep(file: NamedTempFile, name: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(name).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(directory: &Path, force: bool) -> Args {
        Args {
            file: directory.join("rows.jsonl"),
            out: directory.join("out"),
            recipe: None,
            force,
            earlier: Earlier::default(),
            limits: Limits::default(),
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
    fn a_directory_with_files_is_left_alone_unless_forced() {
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
        let refusal = clean_into(&args(directory, false)).unwrap_err();
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
    fn what_an_earlier_version_holds_out_does_not_train() {
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
            earlier: Earlier::at(&[&directory.join("first")]),
            ..args(directory, false)
        };
        run(&second);
        for row in eval.lines() {
            let asked = row.split_once("\"contents\":").unwrap().1;
            assert!(read("out/eval.jsonl").contains(asked));
            assert!(!read("out/train.jsonl").contains(asked));
        }
        let manifest = |name: &str| -> serde_json::Value {
            serde_json::from_str(&read(&format!("{name}/manifest.json"))).unwrap()
        };
        assert_eq!(manifest("out")["held_out"]["rows"], 4);
        assert!(manifest("first").get("held_out").is_none());
    }

    #[test]
    fn the_file_itself_is_never_written_over() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let file = directory.join("train.jsonl");
        fs::write(&file, rows(40)).unwrap();
        let onto_itself = Args {
            file: file.clone(),
            out: directory.to_owned(),
            ..args(directory, true)
        };
        let refusal = clean_into(&onto_itself).unwrap_err();
        assert!(refusal.to_string().contains("written over"), "{refusal}");
        assert_eq!(fs::read_to_string(&file).unwrap(), rows(40));
    }

    #[test]
    fn what_an_interrupted_run_left_is_in_nobodys_way() {
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
    fn the_next_command_can_be_pasted() {
        let named = |file: &str, recipe: Option<&str>| {
            next(&Args {
                file: file.into(),
                recipe: recipe.map(Into::into),
                ..args(Path::new(""), false)
            })
        };
        assert_eq!(
            named("tickets.jsonl", None),
            "lapidary drop tickets.jsonl --dataset tickets"
        );
        assert_eq!(
            named("My rows' $(rm).jsonl", Some("a b.toml")),
            "lapidary drop \"My rows' \"'$(rm).jsonl' --dataset rows --recipe 'a b.toml'"
        );
    }

    #[test]
    fn nothing_is_written_of_what_cannot_be_used() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        fs::write(directory.join("rows.jsonl"), "no json\n").unwrap();
        let code = run(&args(directory, false));
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::from(2)));
        assert!(!directory.join("out").exists());
    }
}
