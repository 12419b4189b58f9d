//! Prints how the rules of `shared/src/health.rs` do on made-up losses: healthy ones that would be
//! stopped, faulty ones that are found and how late, by shape, noise and steps. First on those on which the
//! thresholds were chosen, then on others, which say more.
//!
//! `cargo run --release -p shared --example health-corpus -- [JOBS] [TICKS]`

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "it is a program for people"
)]

/// The corpus, which is also part of the crate's tests.
#[path = "../src/health"]
mod made_up {
    use shared::{
        curve::{Curve, CurveState, Point},
        health::{HealthLimits, Observed, examine},
        job_state::{JobPhase, JobState},
    };

    pub(crate) mod corpus;
}

use made_up::corpus::{
    Corpus,
    shape::{FAULTY, HEALTHY, Shape},
    table::Cell,
};

const SIGMAS: [f64; 6] = [0.0, 0.05, 0.1, 0.2, 0.3, 0.4];
const STEPS: [u64; 6] = [10, 30, 100, 300, 1_000, 10_000];

fn main() {
    let mut numbers = std::env::args().skip(1).map(|number| number.parse::<u32>());
    let jobs = numbers.next().and_then(Result::ok).unwrap_or(100);
    let ticks = numbers.next().and_then(Result::ok).map_or(120, u64::from);
    println!("{jobs} jobs a cell, {ticks} ticks a job");
    for (corpus, name) in [(Corpus::Chosen, "chosen on"), (Corpus::HeldOut, "held out")] {
        println!("\n== {name} ==");
        part(corpus, "healthy, share stopped", &HEALTHY, jobs, ticks);
        let title = "faulty, share found (mean delay in steps, in % of the job)";
        part(corpus, title, &FAULTY, jobs, ticks);
    }
}

fn part(corpus: Corpus, title: &str, shapes: &[Shape], jobs: u32, ticks: u64) {
    println!("\n{title}");
    let mut whole = Cell::default();
    for shape in shapes {
        println!("{shape:?}");
        print!("{:>8}", "σ");
        for steps in STEPS {
            print!("{steps:>22}");
        }
        println!();
        let mut of_shape = Cell::default();
        for sigma in SIGMAS {
            print!("{sigma:>8}");
            for steps in STEPS {
                let cell = Cell::of(corpus, *shape, sigma, steps, jobs, ticks);
                print!("{:>22}", words(*shape, &cell));
                if steps >= 100 {
                    of_shape.include(&cell);
                }
            }
            println!();
        }
        println!("   from 100 steps on: {}", words(*shape, &of_shape));
        whole.include(&of_shape);
    }
    println!(
        "all, from 100 steps on: {:.2} % of {}",
        whole.share() * 100.0,
        whole.jobs
    );
}

fn words(shape: Shape, cell: &Cell) -> String {
    let percent = cell.share() * 100.0;
    let wrong: Vec<String> = cell
        .wrong
        .iter()
        .map(|(code, count)| format!(" {code} {count}"))
        .collect();
    let wrong = wrong.concat();
    if shape.is_healthy() {
        let swings = match cell.swings {
            0 => String::new(),
            noted => format!(", {noted} swings"),
        };
        return format!("{percent:.1} %{wrong}{swings}");
    }
    let (steps, part) = cell.delay();
    format!("{percent:.0} % ({steps:.0}, {:.0} %){wrong}", part * 100.0)
}
