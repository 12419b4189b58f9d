//! The speed of scoring, compared with the Python packages that it is equal to, on the same made-up
//! pairs, on one core.
//!
//!     cargo bench --package scores --bench speed --profile release -- PYTHON
//!
//! PYTHON has `rouge_score` and sacrebleu installed. Machines are shared and their clock rates vary, so
//! processor time in user space is compared, and the median over rounds is printed.

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

mod pairs;

use std::{error::Error, fs, path::Path, process::Command};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike as _,
};
use scores::{
    metric::{Metric, Scratch},
    metrics,
};

/// The pairs of a round here, and of the one round in Python.
const PAIRS: usize = 20_000;
const PAIRS_IN_PYTHON: usize = 1_000;
const ROUNDS: usize = 5;

/// What is compared: a name that `reference.py` knows, and metrics that are computed together.
const JOBS: [(&str, &[&str]); 3] = [
    ("rouge1+rougeL", &["rouge1", "rougeL"]),
    ("bleu", &["bleu"]),
    ("chrf", &["chrf"]),
];

fn main() -> Result<(), Box<dyn Error>> {
    let python = std::env::args()
        .skip(1)
        .find(|argument| argument != "--bench");
    let pairs = pairs::made_up(PAIRS);
    let borrowed: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pairs.json");
    let in_python = borrowed.get(..PAIRS_IN_PYTHON).unwrap_or_default();
    fs::write(&file, serde_json::to_string(in_python)?)?;
    for (job, names) in JOBS {
        let (ours, mean) = rounds(names, &borrowed)?;
        println!("{job}: {:.2} µs a pair, mean score {mean:.6}", ours * 1e6);
        let Some(python) = &python else {
            continue;
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/speed/reference.py");
        let output = Command::new(python)
            .arg(script)
            .arg(job)
            .arg(&file)
            .output()?;
        let text = String::from_utf8(output.stdout)?;
        let mut numbers = text.split_whitespace().map(str::parse::<f64>);
        let (Some(Ok(theirs)), Some(Ok(their_mean))) = (numbers.next(), numbers.next()) else {
            println!("  skipped: {}", String::from_utf8_lossy(&output.stderr));
            continue;
        };
        let (_, our_mean) = rounds(names, in_python)?;
        println!(
            "  in Python {:.1} µs: {:.0} times as long",
            theirs * 1e6,
            theirs / ours
        );
        if (our_mean - their_mean).abs() > 1e-9 {
            return Err(format!("{job}: {our_mean} here, {their_mean} in Python").into());
        }
    }
    Ok(())
}

/// Seconds of processor time for each pair, the median, and the mean score.
#[expect(clippy::cast_precision_loss, reason = "thousands of pairs")]
fn rounds(names: &[&str], pairs: &[(&str, &str)]) -> Result<(f64, f64), Box<dyn Error>> {
    let metrics: Vec<&dyn Metric> = names
        .iter()
        .filter_map(|name| metrics::find(name))
        .collect();
    let mut times = Vec::new();
    let mut sum = 0.0;
    for _ in 0..ROUNDS {
        let before = user_seconds()?;
        sum = 0.0;
        let mut scratch = Scratch::default();
        for (prediction, reference) in pairs {
            let mut pair = scratch.pair(prediction, reference);
            sum += metrics
                .iter()
                .map(|metric| metric.score(&mut pair))
                .sum::<f64>();
        }
        times.push((user_seconds()? - before) / pairs.len() as f64);
    }
    times.sort_by(f64::total_cmp);
    let median = times.get(ROUNDS / 2).copied().unwrap_or(f64::NAN);
    Ok((median, sum / (pairs.len() * metrics.len()) as f64))
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn user_seconds() -> Result<f64, nix::Error> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    Ok(usage.user_time().num_microseconds() as f64 / 1e6)
}
