//! The buttons that end a run or try it again, each with a field for the reason.

use maud::{Markup, html};
use shared::{run::Run, run_change::RunChange};

/// The forms of the changes that can be made to `run` now; `token` is the CSRF token.
pub(crate) fn forms(run: &Run, token: &str) -> Markup {
    let possible = RunChange::ALL.into_iter();
    let possible = possible.filter(|change| change.is_possible(run));
    html! {
        @for change in possible {
            form .change method="post" action=(format!("/runs/{}/{}", run.id, change.as_str())) {
                input type="hidden" name="token" value=(token);
                label { "Reason " input type="text" name="why" maxlength="500"; }
                " " button { (words(change)) }
            }
        }
    }
}

fn words(change: RunChange) -> &'static str {
    match change {
        RunChange::Refuse => "Refuse the price",
        RunChange::Cancel => "Cancel the run",
        RunChange::Retry => "Try it again",
    }
}
