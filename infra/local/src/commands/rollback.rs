//! Soon.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}
pub(crate) async fn run(_args: Args) -> crate::cli::Outcome { Err("not yet".into()) }
