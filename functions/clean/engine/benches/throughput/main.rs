//! The speed of cleaning, compared with splitting lines, with parsing alone, and with typical
//! Python scripts, all on the same generated rows, in turns, in one run.
//!
//!     cargo bench --package clean-engine --bench throughput -- --bytes 100000000
//!
//! Machines are shared and their clock rates vary, so only the ratios of processor time within a
//! round are meaningful; the median over the rounds is printed.

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

mod contender;
mod measure;
mod rows;

use std::{error::Error, path::PathBuf, process::ExitCode};

use clap::Parser as _;

use crate::{
    contender::{CONTENDERS, Contender},
    measure::{Measure, median},
};

/// The arguments.
#[derive(Debug, clap::Parser)]
struct Args {
    /// Size of the dataset in bytes.
    #[arg(long, default_value_t = 100_000_000)]
    bytes: u64,
    /// Size of its shortest rows in bytes; the longest are forty times as long.
    #[arg(long, default_value_t = 200)]
    row_bytes: u32,
    /// Number of rounds; every contender runs once in each.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Directory for the dataset and the outputs; one in memory excludes the disk.
    #[arg(long, default_value = env!("CARGO_TARGET_TMPDIR"))]
    dir: PathBuf,
    /// A Python interpreter with orjson and xxhash.
    #[arg(long, default_value = "python3")]
    python: PathBuf,
    /// Passed by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
    /// Runs one contender and prints its measurements.
    #[arg(long, hide = true)]
    run: Option<String>,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args = Args::parse();
    std::fs::create_dir_all(&args.dir)?;
    let dataset = args
        .dir
        .join(format!("rows-{}-{}.jsonl", args.bytes, args.row_bytes));
    if let Some(name) = &args.run {
        let measure = contender::named(name)?.run(&dataset, &args.dir)?;
        println!("{}", serde_json::to_string(&measure)?);
        return Ok(ExitCode::SUCCESS);
    }
    if !dataset.exists() {
        rows::write(&dataset, args.bytes, args.row_bytes)?;
    }
    let mut measures: Vec<(&Contender, Vec<Measure>)> = Vec::new();
    for contender in CONTENDERS {
        match contender.measure(&args, &dataset) {
            Ok(measure) => measures.push((contender, vec![measure])),
            Err(error) => println!("skipped: {}: {error}", contender.name),
        }
    }
    for _ in 1..args.rounds {
        for (contender, rounds) in &mut measures {
            rounds.push(contender.measure(&args, &dataset)?);
        }
    }
    print(&args, &measures);
    Ok(ExitCode::SUCCESS)
}

/// Prints a line for each contender, with its times relative to those of others.
fn print(args: &Args, measures: &[(&Contender, Vec<Measure>)]) {
    println!(
        "{} bytes, rows from {} bytes, {} rounds\n",
        args.bytes, args.row_bytes, args.rounds
    );
    println!(
        "{:<34} {:>8} {:>8} {:>8} {:>8} {:>9}  compared (median of rounds)",
        "", "wall s", "user s", "sys s", "peak MB", "rows kept"
    );
    let of = |name: &str| {
        measures
            .iter()
            .find(|(contender, _)| contender.name == name)
    };
    for (contender, rounds) in measures {
        let middle = |of: fn(&Measure) -> f64| median(rounds.iter().map(of));
        let mut compared = Vec::new();
        for comparison in contender.compared {
            if let Some((_, others)) = of(comparison.with) {
                let ratio = rounds.iter().zip(others).map(|(own, other)| {
                    (comparison.figure)(other) / (comparison.figure)(own).max(f64::EPSILON)
                });
                compared.push(comparison.say(median(ratio)));
            }
        }
        println!(
            "{:<34} {:>8.3} {:>8.3} {:>8.3} {:>8.0} {:>9}  {}",
            contender.name,
            middle(|m| m.wall),
            middle(|m| m.user),
            middle(|m| m.system),
            middle(|m| m.peak_bytes / 1e6),
            rounds.first().map_or(0, |measure| measure.kept),
            compared.join(", ")
        );
    }
}
