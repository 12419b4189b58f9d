//! Keeps the report of an evaluation beside its answers.

use actix_web::web::Bytes;
use shared::{error::Error, evaluation::EvaluationRecord, id, uri::GcsUri};

use crate::{
    State,
    report::{self, ReportFormat},
};

/// Writes the report in both formats, created if absent; gives its folder in the bucket of evaluations.
pub(crate) async fn keep(state: &State, record: &EvaluationRecord) -> Result<String, Error> {
    // Named by its content: an evaluation that is done again gets a report of its own.
    let markdown = report::write(record, ReportFormat::Markdown);
    let folder = format!("reports/{}/{}/", record.run, id::digest(&[&markdown]));
    for format in [ReportFormat::Markdown, ReportFormat::Html] {
        let bucket = state.config.evaluations_bucket.clone();
        let uri = GcsUri::new(bucket, format!("{folder}report.{}", format.ending()));
        let content = Bytes::from(report::write(record, format));
        let created = state.objects.create(&uri, format.media_type(), content);
        // Of two deliveries at once, either wrote the same.
        let _created = created.await?;
    }
    Ok(folder)
}
