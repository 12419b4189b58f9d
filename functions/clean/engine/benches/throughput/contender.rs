//! Who is measured.

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

/// Somebody who does something with the rows.
pub(crate) struct Contender {
    /// What is done.
    pub(crate) name: &'static str,
    /// Whom to hold against.
    pub(crate) compared: &'static [Comparison],
    way: Way,
}

/// One figure of another, as a multiple of one's own, or the reverse.
pub(crate) struct Comparison {
    pub(crate) with: &'static str,
    pub(crate) figure: fn(&Measure) -> f64,
    said: fn(f64) -> String,
}

impl Comparison {
    pub(crate) fn say(&self, ratio: f64) -> String {
        (self.said)(ratio)
    }
}

enum Way {
    /// The engine, on so many threads, with or without writing, looking for these things as well.
    Engine {
        threads: usize,
        write: bool,
        scan: &'static [Scan],
    },
    /// Finds the lines.
    Lines,
    /// Parses every line.
    Parse,
    /// A script.
    Python(&'static str),
}

const ENGINE: &str = "lapidary, 1 thread";
const UNWRITTEN: &str = "lapidary, 1 thread, no output";
const PARSE: &str = "serde_json, parse only";
const JSON: &str = "python: json + set";
const ORJSON: &str = "python: orjson + xxh3 digests";

const CPU: fn(&Measure) -> f64 = |measure| measure.user + measure.system;

/// Everybody, in the order of their turns.
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
                said: |ratio| format!("{:.2} x parsing (user)", 1.0 / ratio),
            },
            Comparison {
                with: JSON,
                figure: CPU,
                said: |ratio| format!("1/{ratio:.1} of json (cpu)"),
            },
            Comparison {
                with: ORJSON,
                figure: CPU,
                said: |ratio| format!("1/{ratio:.1} of orjson (cpu)"),
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
            said: |ratio| format!("{ratio:.2} x the throughput of 1 thread"),
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

/// The engine, looking for `scan` as well.
const fn scanning(name: &'static str, scan: &'static [Scan]) -> Contender {
    Contender {
        name,
        compared: &[Comparison {
            with: PARSE,
            figure: |measure| measure.user,
            said: |ratio| format!("{:.2} x parsing (user)", 1.0 / ratio),
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
    found.ok_or_else(|| format!("nobody is called `{name}`").into())
}

impl Contender {
    /// Measures the contender in a process of its own. It takes its turn twice, and the second counts: the
    /// first wakes the processors, and the memory that the turn before gave back.
    pub(crate) fn measure(&self, args: &Args, dataset: &Path) -> Result<Measure, Box<dyn Error>> {
        self.take_turn(args, dataset)?;
        self.take_turn(args, dataset)
    }

    fn take_turn(&self, args: &Args, dataset: &Path) -> Result<Measure, Box<dyn Error>> {
        // To free what the turn before wrote is nobody's work.
        let outputs = outputs(&args.dir);
        if outputs.exists() {
            fs::remove_dir_all(&outputs)?;
        }
        fs::create_dir(&outputs)?;
        let output = self.command(args, dataset, &outputs)?.output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(said.lines().last().unwrap_or("it failed").to_owned().into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// The process that does the contender's work.
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

    /// Does the contender's work, in this process.
    pub(crate) fn run(&self, dataset: &Path, dir: &Path) -> Result<Measure, Box<dyn Error>> {
        match self.way {
            Way::Engine {
                threads,
                write,
                scan,
            } => measure(|| engine(dataset, dir, threads, write, scan)),
            Way::Lines => measure(|| lines(dataset)),
            Way::Parse => {
                // Only the parsing: not even the reading.
                let bytes = fs::read(dataset)?;
                measure(|| Ok::<_, std::io::Error>(parse(&bytes)))
            }
            Way::Python(_) => Err("a script runs by itself".into()),
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

/// A row, its texts borrowed where they can be.
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

/// A file for each part.
struct Files(Vec<(OutputFile, File)>);

impl Outputs for Files {
    fn writer(&mut self, part: OutputFile) -> &mut dyn Write {
        let found = self.0.iter_mut().find(|(candidate, _)| *candidate == part);
        #[expect(clippy::expect_used, reason = "a benchmark")]
        let (_, file) = found.expect("every part has a file");
        file
    }
}

/// Where outputs go.
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
            Outcome::Again(better) => plan = better,
        }
    }
}
