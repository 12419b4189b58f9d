//! The programs that are measured.

use std::{
    borrow::Cow,
    env,
    error::Error,
    fs::{self, File},
    io::{Read as _, Write},
    num::NonZero,
    path::{Path, PathBuf},
    process::Command,
};

use clean_engine::{Machine, Outcome, OutputFile, Outputs, Plan, Scan, Settings};
use serde::Deserialize;

use crate::{
    Args,
    measure::{Measure, measure},
};

/// A program that processes the rows.
pub(crate) struct Contender {
    /// What it does.
    pub(crate) name: &'static str,
    /// The contenders to compare it with.
    pub(crate) compared: &'static [Comparison],
    way: Way,
}

/// A comparison by one figure: the other's, relative to one's own.
pub(crate) struct Comparison {
    pub(crate) with: &'static str,
    pub(crate) figure: fn(&Measure) -> f64,
    describe: fn(f64) -> String,
}

impl Comparison {
    pub(crate) fn say(&self, ratio: f64) -> String {
        (self.describe)(ratio)
    }
}

enum Way {
    /// The engine with this many threads, with or without output, with these scans.
    Engine {
        threads: usize,
        write: bool,
        scan: &'static [Scan],
    },
    /// Splits the file into lines.
    Lines,
    /// Parses every line.
    Parse,
    /// A Python script, by its variant.
    Python(&'static str),
}

const ENGINE: &str = "lapidary, 1 thread";
const UNWRITTEN: &str = "lapidary, 1 thread, no output";
const PARSE: &str = "serde_json, parse only";
const JSON: &str = "python: json + set";
const ORJSON: &str = "python: orjson + xxh3 digests";

const CPU: fn(&Measure) -> f64 = |measure| measure.user + measure.system;

/// All contenders, in the order in which they run.
pub(crate) static CONTENDERS: &[Contender] = &[
    Contender {
        name: "lines, split only",
        compared: &[],
        way: Way::Lines,
    },
    Contender {
        name: PARSE,
        compared: &[],
        way: Way::Parse,
    },
    Contender {
        name: ENGINE,
        compared: &[
            Comparison {
                with: PARSE,
                figure: |measure| measure.user,
                describe: |ratio| format!("{:.2} x parsing (user)", 1.0 / ratio),
            },
            Comparison {
                with: JSON,
                figure: CPU,
                describe: |ratio| format!("1/{ratio:.1} of json (cpu)"),
            },
            Comparison {
                with: ORJSON,
                figure: CPU,
                describe: |ratio| format!("1/{ratio:.1} of orjson (cpu)"),
            },
        ],
        way: Way::Engine {
            threads: 1,
            write: true,
            scan: &[],
        },
    },
    Contender {
        name: "lapidary, 2 threads",
        compared: &[],
        way: Way::Engine {
            threads: 2,
            write: true,
            scan: &[],
        },
    },
    Contender {
        name: UNWRITTEN,
        compared: &[],
        way: Way::Engine {
            threads: 1,
            write: false,
            scan: &[],
        },
    },
    Contender {
        name: "lapidary, 2 threads, no output",
        compared: &[Comparison {
            with: UNWRITTEN,
            figure: |measure| measure.wall,
            describe: |ratio| format!("{ratio:.2} x the throughput of 1 thread"),
        }],
        way: Way::Engine {
            threads: 2,
            write: false,
            scan: &[],
        },
    },
    scanning("lapidary, pii, no output", &[Scan::Pii]),
    scanning("lapidary, secrets, no output", &[Scan::Secrets]),
    scanning("lapidary, language, no output", &[Scan::Language]),
    scanning(
        "lapidary, near-duplicates, no output",
        &[Scan::NearDuplicates],
    ),
    scanning(
        "lapidary, all of these, no output",
        &[
            Scan::Pii,
            Scan::Secrets,
            Scan::Language,
            Scan::NearDuplicates,
        ],
    ),
    Contender {
        name: ORJSON,
        compared: &[],
        way: Way::Python("orjson"),
    },
    Contender {
        name: JSON,
        compared: &[],
        way: Way::Python("json"),
    },
];

/// The engine with these scans.
const fn scanning(name: &'static str, scan: &'static [Scan]) -> Contender {
    Contender {
        name,
        compared: &[Comparison {
            with: PARSE,
            figure: |measure| measure.user,
            describe: |ratio| format!("{:.2} x parsing (user)", 1.0 / ratio),
        }],
        way: Way::Engine {
            threads: 1,
            write: false,
            scan,
        },
    }
}

/// The contender called `name`.
pub(crate) fn named(name: &str) -> Result<&'static Contender, Box<dyn Error>> {
    let found = CONTENDERS.iter().find(|contender| contender.name == name);
    found.ok_or_else(|| format!("unknown contender `{name}`").into())
}

impl Contender {
    /// Measures the contender in a process of its own. It runs twice, and only the second run
    /// counts: the first one brings processors to full speed and reclaims the memory that the
    /// previous contender freed.
    pub(crate) fn measure(&self, args: &Args, dataset: &Path) -> Result<Measure, Box<dyn Error>> {
        self.take_turn(args, dataset)?;
        self.take_turn(args, dataset)
    }

    fn take_turn(&self, args: &Args, dataset: &Path) -> Result<Measure, Box<dyn Error>> {
        // Freeing the previous contender's output must not count for this one.
        let outputs = outputs(&args.dir);
        if outputs.exists() {
            fs::remove_dir_all(&outputs)?;
        }
        fs::create_dir(&outputs)?;
        let output = self.command(args, dataset, &outputs)?.output()?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            return Err(stderr
                .lines()
                .last()
                .unwrap_or("the contender failed without a message")
                .to_owned()
                .into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// The command that runs the contender.
    fn command(&self, args: &Args, dataset: &Path, outputs: &Path) -> std::io::Result<Command> {
        let mut command;
        match self.way {
            Way::Python(variant) => {
                let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/throughput/script.py");
                command = Command::new(&args.python);
                command.arg(script).arg(variant).arg(dataset);
                command.arg(outputs.join("python.jsonl"));
            }
            Way::Engine { .. } | Way::Lines | Way::Parse => {
                command = Command::new(env::current_exe()?);
                command.args(["--run", self.name, "--bytes", &args.bytes.to_string()]);
                command.args(["--row-bytes", &args.row_bytes.to_string()]);
                command.arg("--dir").arg(&args.dir);
            }
        }
        Ok(command)
    }

    /// Runs the contender in this process.
    pub(crate) fn run(&self, dataset: &Path, dir: &Path) -> Result<Measure, Box<dyn Error>> {
        match self.way {
            Way::Engine {
                threads,
                write,
                scan,
            } => measure(|| engine(dataset, dir, threads, write, scan)),
            Way::Lines => measure(|| lines(dataset)),
            Way::Parse => {
                // Measures only the parsing, not even the reading.
                let bytes = fs::read(dataset)?;
                measure(|| Ok::<_, std::io::Error>(parse(&bytes)))
            }
            Way::Python(_) => Err("a script has its own process".into()),
        }
    }
}

fn lines(dataset: &Path) -> std::io::Result<u64> {
    let mut file = File::open(dataset)?;
    let mut buffer = vec![0; 512 << 10];
    let mut lines = 0;
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(lines);
        }
        let some = memchr::memchr_iter(b'\n', buffer.get(..count).unwrap_or_default()).count();
        lines += u64::try_from(some).unwrap_or_default();
    }
}

/// A row; borrows its texts if possible.
#[derive(Deserialize)]
struct Row<'r> {
    #[serde(borrow)]
    input: Cow<'r, str>,
    #[serde(borrow)]
    output: Cow<'r, str>,
}

fn parse(bytes: &[u8]) -> u64 {
    let mut parsed = 0;
    let mut rest = bytes;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let (line, after) = rest.split_at(end + 1);
        if let Ok(row) = serde_json::from_slice::<Row<'_>>(line) {
            parsed += u64::from(!row.input.is_empty() && !row.output.is_empty());
        }
        rest = after;
    }
    parsed
}

/// A file for each output.
struct Files(Vec<(OutputFile, File)>);

impl Outputs for Files {
    fn writer(&mut self, part: OutputFile) -> &mut dyn Write {
        let found = self.0.iter_mut().find(|(candidate, _)| *candidate == part);
        #[expect(clippy::expect_used, reason = "a benchmark")]
        let (_, file) = found.expect("every output has a file");
        file
    }
}

/// The folder for outputs.
fn outputs(dir: &Path) -> PathBuf {
    dir.join("outputs")
}

fn engine(
    dataset: &Path,
    dir: &Path,
    threads: usize,
    write: bool,
    scan: &[Scan],
) -> Result<u64, Box<dyn Error>> {
    let settings = Settings {
        scan: scan.iter().copied().collect(),
        ..Settings::default()
    };
    let source = clean_engine::File(dataset.to_owned());
    let machine = Machine::with_threads(NonZero::new(threads).ok_or("no thread")?);
    let mut plan = Plan::default();
    loop {
        let mut files = Files(Vec::new());
        if write {
            for part in OutputFile::ALL {
                let file = File::create(outputs(dir).join(format!("{}.jsonl", part.name())))?;
                files.0.push((part, file));
            }
        }
        let outputs = write.then_some(&mut files as &mut dyn Outputs);
        match clean_engine::pass(&source, &settings, &plan, machine, outputs, &mut |_| {})? {
            Outcome::Done(cleaned) => return Ok(cleaned.report.rows.kept),
            Outcome::Again(better) => plan = *better,
        }
    }
}
