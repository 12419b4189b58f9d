//! The newest uploads and how each ended; above all, why it was rejected.

use maud::{Markup, html};
use shared::dataset::{Upload, UploadOutcome};

use super::{Refresh, layout};
use crate::{moment::moment, run_status::StatusSeverity, untrusted::untrusted};

/// The page.
pub(crate) fn page(uploads: &[Upload]) -> Markup {
    let body = html! {
        h1 { "Uploads" }
        @if uploads.is_empty() {
            p { "No uploads yet." }
        } @else {
            table .cards {
                thead {
                    tr {
                        th scope="col" { "Object" }
                        th scope="col" { "Outcome" }
                        th scope="col" { "Dataset" }
                        th scope="col" { "When" }
                    }
                }
                tbody { @for upload in uploads { (row(upload)) } }
            }
        }
    };
    layout("Uploads", Refresh::Off, &body)
}

fn row(upload: &Upload) -> Markup {
    let (severity, word) = outcome(upload.outcome);
    html! {
        tr {
            th scope="row" { code { (untrusted(&upload.artifact.to_string())) } }
            td data-label="Outcome" {
                span .state.(severity.class()) { (word) } " " (untrusted(&upload.note))
            }
            td data-label="Dataset" {
                (upload.dataset)
                @if let Some(version) = &upload.version { div .minor { (version) } }
            }
            td data-label="When" { (moment(upload.at)) }
        }
    }
}

fn outcome(outcome: UploadOutcome) -> (StatusSeverity, &'static str) {
    match outcome {
        UploadOutcome::Cleaned => (StatusSeverity::Success, "cleaned"),
        UploadOutcome::Rejected => (StatusSeverity::Failure, "rejected"),
        UploadOutcome::Ignored => (StatusSeverity::Ended, "ignored"),
        UploadOutcome::Gone => (StatusSeverity::Ended, "gone"),
    }
}

#[cfg(test)]
mod tests {
    use shared::{event::ObjectFinalized, uri::Artifact};

    use super::*;
    use crate::sample;

    #[test]
    fn a_rejected_upload_says_why() {
        let Artifact { uri, generation } =
            ObjectFinalized::new("b", "tickets/<u>.jsonl", 7).artifact;
        let upload = Upload {
            artifact: Artifact { uri, generation },
            dataset: "tickets".parse().unwrap(),
            outcome: UploadOutcome::Rejected,
            note: "no row can be trained on".to_owned(),
            version: None,
            at: sample::at(0),
        };
        let row = row(&upload).into_string();
        insta::assert_snapshot!(row.replace("<td", "\n<td"), @r#"
        <tr><th scope="row"><code><bdi>gs://b/tickets/&lt;u&gt;.jsonl#7</bdi></code></th>
        <td data-label="Outcome"><span class="state failure">rejected</span> <bdi>no row can be trained on</bdi></td>
        <td data-label="Dataset">tickets</td>
        <td data-label="When"><time datetime="2026-11-22T10:00:00Z">2026-11-22 10:00 UTC</time></td></tr>
        "#);
    }
}
