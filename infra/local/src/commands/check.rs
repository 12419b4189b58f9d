//! Soon.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}
pub(crate) fn run(_args: &Args) -> crate::cli::Outcome { Err("not yet".into()) }
