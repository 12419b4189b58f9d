//! `lapidary spend`: what tuning has cost, and may still cost.

use std::process::ExitCode;

use serde::Serialize;
use shared::{
    google::{policies::PolicyObject, spend_book::SpendBook},
    policy::Policy,
    spend::{SpendEntry, SpendMonth, Usd, month_of},
};

use crate::{
    arguments::StackArgs,
    exit::CommandResult,
    output,
    session::Session,
    table::{Align, TextTable},
};

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  lapidary spend\n  lapidary spend --month 2026-11 --json")]
pub(crate) struct Args {
    /// The month; the present one by default.
    #[arg(long, value_name = "YYYY-MM")]
    month: Option<String>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    stack: StackArgs,
}

#[derive(Serialize)]
struct SpendJson<'a> {
    today_usd: f64,
    month_usd: f64,
    day_cap_usd: f64,
    month_cap_usd: f64,
    #[serde(flatten)]
    month: &'a SpendMonth,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> CommandResult {
    let session = Session::open(&args.stack.env_file).await?;
    let now = session.clock.now();
    let name = args.month.unwrap_or_else(|| month_of(now));
    let month = SpendBook::new(session.documents.clone())
        .month(&name)
        .await?;
    let uri = session.address("POLICY_URI")?.parse()?;
    let policy = PolicyObject::new(session.objects.clone(), uri)
        .read()
        .await?;
    let (today, total) = (month.total_of(now.date_naive()), month.total());
    let spend = &policy.policy.spend;
    if args.json {
        let json = SpendJson {
            today_usd: today.dollars(),
            month_usd: total.dollars(),
            day_cap_usd: spend.day.dollars(),
            month_cap_usd: spend.month.dollars(),
            month: &month,
        };
        output::write(&format!("{}\n", serde_json::to_string_pretty(&json)?))?;
    } else {
        let line = totals(&month, today, &policy.policy);
        output::write(&format!("{line}\n{}", table(&month).render()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn totals(month: &SpendMonth, today: Usd, policy: &Policy) -> String {
    let spend = &policy.spend;
    format!(
        "today {today} of {}, {} {} of {}: settled or reserved",
        spend.day,
        month.month,
        month.total(),
        spend.month,
    )
}

/// What is reserved, and what jobs beside it may cost.
fn reserved(entry: &SpendEntry) -> String {
    let surplus: u64 = entry.surplus.values().map(|usd| usd.0).sum();
    let reserved = entry.reserved;
    if surplus == 0 {
        reserved.to_string()
    } else {
        format!("{reserved} + {} surplus", Usd(surplus))
    }
}

fn table(month: &SpendMonth) -> TextTable {
    let mut table = TextTable::new(&[
        ("RUN.ATTEMPT", Align::Left),
        ("DAY", Align::Left),
        ("RESERVED", Align::Right),
        ("SETTLED", Align::Right),
    ]);
    for (key, entry) in &month.entries {
        let settled = entry.settled.map_or_else(
            || "–".to_owned(),
            |usd| {
                let assumed = if entry.assumed { " (assumed)" } else { "" };
                format!("{usd}{assumed}")
            },
        );
        table.row([key.clone(), entry.day.to_string(), reserved(entry), settled]);
    }
    table
}
