//! One JSON line on stdout for each event of the log, as Cloud Logging reads them.
//!
//! The layer of `tracing-stackdriver` gives time, severity and source location. It also turns
//! every float into a string, renames fields to camel case, repeats span data and writes trace
//! fields only for an OpenTelemetry of 2024 (version 0.10). So its line is completed here:
//! [`TypedFields`] keeps each field as it was recorded, number as number, and [`Line`] puts those
//! in place of the layer's. A dotted field becomes a nested object: `run.id` is
//! `jsonPayload.run.id` to a log filter.

use std::{cell::RefCell, io};

use serde::Serialize;
use serde_json::{Map, Value};
use tracing::{Event, Subscriber, span};
use tracing_serde::fields::AsMap as _;
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::LevelFilter,
    fmt::MakeWriter,
    layer::Context,
    prelude::*,
    registry::{LookupSpan, Scope},
};

use crate::trace::Trace;

/// Bytes of one line: Cloud Logging refuses entries above 256 KiB.
const LINE_MAX_BYTES: usize = 100 << 10;

thread_local! {
    /// The fields of the event that this thread is writing: layers run one after the other.
    static FIELDS: RefCell<Map<String, Value>> = RefCell::default();
}

/// Starts logging for the process; `project` makes trace ids into links.
pub fn init(service: &'static str, project: Option<String>) {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .from_env_lossy();
    let stdout = Stdout { service, project };
    tracing_subscriber::registry()
        .with(filter)
        .with(TypedFields)
        .with(tracing_stackdriver::layer().with_writer(stdout))
        .init();
}

/// Keeps the fields of spans and events with their types, flat, in order of name.
struct TypedFields;

/// The fields of a span, so far.
struct SpanFields(Map<String, Value>);

impl<S> Layer<S> for TypedFields
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn on_new_span(
        &self,
        attributes: &span::Attributes<'_>,
        id: &span::Id,
        context: Context<'_, S>,
    ) {
        if let Some(span) = context.span(id) {
            let fields = SpanFields(fields(&attributes.field_map()));
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(SpanFields(known)) = span.extensions_mut().get_mut()
        {
            known.extend(fields(&values.field_map()));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut all = Map::new();
        for span in context
            .event_scope(event)
            .into_iter()
            .flat_map(Scope::from_root)
        {
            if let Some(SpanFields(fields)) = span.extensions().get() {
                all.extend(fields.clone());
            }
        }
        all.extend(fields(&event.field_map()));
        FIELDS.set(all);
    }
}

/// Fields as JSON. NaN, which JSON does not have, comes as null and is left out: a field that is
/// not there is not mistaken for a number.
fn fields(recorded: &impl Serialize) -> Map<String, Value> {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(recorded) else {
        return Map::new();
    };
    fields.retain(|_, value| !value.is_null());
    fields
}

/// Stdout, through [`complete`].
struct Stdout {
    service: &'static str,
    project: Option<String>,
}

impl<'a> MakeWriter<'a> for Stdout {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { to: self }
    }
}

/// One line on its way out. The formatter hands over each line in one write.
struct Line<'a> {
    to: &'a Stdout,
}

impl io::Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let fields = FIELDS.take();
        let mut text = complete(line, fields, self.to.service, self.to.project.as_deref());
        text.push('\n');
        io::stdout().lock().write_all(text.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

/// The layer's line with the fields put right.
fn complete(
    line: &[u8],
    fields: Map<String, Value>,
    service: &str,
    project: Option<&str>,
) -> String {
    let theirs: Map<String, Value> = serde_json::from_slice(line).unwrap_or_default();
    let mut ours = Map::new();
    for (name, value) in theirs {
        if matches!(name.as_str(), "time" | "severity") || name.starts_with("logging.googleapis") {
            ours.insert(name, value);
        }
    }
    ours.insert("service".to_owned(), service.into());
    let of_line = Trace::of_line(&fields);
    for (name, value) in fields {
        if name != "trace" {
            nest(&mut ours, &name, value);
        } else if value.as_str().and_then(Trace::parse) != of_line {
            // What Cloud Run's own log of the request has.
            nest(&mut ours, "request.trace", value);
        }
    }
    trace(&mut ours, of_line, project);
    let text = Value::Object(ours).to_string();
    if text.len() <= LINE_MAX_BYTES {
        return text;
    }
    serde_json::json!({
        "severity": "ERROR",
        "service": service,
        "message": "a log line was too long and was left out",
        "size_bytes": text.len(),
    })
    .to_string()
}

fn trace(line: &mut Map<String, Value>, trace: Option<Trace>, project: Option<&str>) {
    if let Some(trace) = trace {
        let project = project.unwrap_or("-");
        let name = format!("projects/{project}/traces/{}", trace.id);
        line.insert("logging.googleapis.com/trace".to_owned(), name.into());
        line.insert(
            "logging.googleapis.com/spanId".to_owned(),
            trace.span.into(),
        );
        line.insert(
            "logging.googleapis.com/trace_sampled".to_owned(),
            trace.sampled.into(),
        );
    }
}

/// Puts `value` at `a.b.c`; a name that is taken by a plain value keeps its dots.
fn nest(line: &mut Map<String, Value>, name: &str, value: Value) {
    if let Some((head, rest)) = name.split_once('.') {
        let inner = line
            .entry(head)
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(inner) = inner {
            nest(inner, rest, value);
            return;
        }
    }
    line.insert(name.to_owned(), value);
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::json;
    use tracing::{info, info_span};

    use super::*;
    use crate::id::VersionId;

    /// Collects lines instead of printing them.
    #[derive(Clone, Default)]
    struct Collect(Arc<Mutex<Vec<Value>>>);

    impl io::Write for Collect {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            let text = complete(line, FIELDS.take(), "test", Some("p"));
            let mut line_value: Value = serde_json::from_str(&text).unwrap();
            let object = line_value.as_object_mut().unwrap();
            assert!(object.remove("time").is_some(), "{text}");
            object.remove("logging.googleapis.com/sourceLocation");
            self.0.lock().unwrap().push(line_value);
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[track_caller]
    fn check(log: impl FnOnce(), expected: &Value) {
        let lines = Collect::default();
        let to = lines.clone();
        let subscriber = tracing_subscriber::registry()
            .with(TypedFields)
            .with(tracing_stackdriver::layer().with_writer(move || to.clone()));
        tracing::subscriber::with_default(subscriber, log);
        assert_eq!(
            lines.0.lock().unwrap().as_slice(),
            std::slice::from_ref(expected)
        );
    }

    #[test]
    fn a_loss_is_a_number_and_names_stay_as_written() {
        check(
            || {
                info!(
                    event.name = "run_progress",
                    job.name = "a-b",
                    loss.eval_total = 0.25,
                    step = 7,
                    "step {}",
                    7
                );
            },
            &json!({
                "severity": "INFO", "service": "test", "message": "step 7",
                "event": {"name": "run_progress"}, "job": {"name": "a-b"},
                "loss": {"eval_total": 0.25}, "step": 7,
            }),
        );
    }

    #[test]
    fn a_loss_that_is_not_a_number_is_left_out() {
        check(
            || info!(loss = f64::NAN, "x"),
            &json!({"severity": "INFO", "service": "test", "message": "x"}),
        );
    }

    #[test]
    fn a_line_carries_the_fields_and_the_trace_of_its_span() {
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        check(
            || {
                let span = info_span!("request", trace, event.id = tracing::field::Empty);
                span.record("event.id", "e1");
                span.in_scope(|| info!("x"));
            },
            &json!({
                "severity": "INFO", "service": "test", "message": "x",
                "event": {"id": "e1"},
                "logging.googleapis.com/trace": "projects/p/traces/0af7651916cd43dd8448eb211c80319c",
                "logging.googleapis.com/spanId": "b7ad6b7169203331",
                "logging.googleapis.com/trace_sampled": true,
            }),
        );
    }

    #[test]
    fn what_follows_from_a_version_is_one_trace() {
        let version: VersionId = "tickets-a".parse().unwrap();
        let of_version = Trace::of(&version);
        assert_eq!(
            Trace::parse(&of_version.to_string()),
            Some(of_version.clone())
        );
        let own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let expected = |about: Value| {
            let mut line = json!({
                "severity": "INFO", "service": "test", "message": "x",
                "logging.googleapis.com/trace": format!("projects/p/traces/{}", of_version.id),
                "logging.googleapis.com/spanId": of_version.span,
                "logging.googleapis.com/trace_sampled": true,
            });
            line.as_object_mut()
                .unwrap()
                .extend(about.as_object().unwrap().clone());
            line
        };
        // The request's own trace is kept in a field.
        check(
            || info_span!("request", trace = own, run.id = "tickets-a-b").in_scope(|| info!("x")),
            &expected(json!({"run": {"id": "tickets-a-b"}, "request": {"trace": own}})),
        );
        check(
            || info!(dataset.version = %version, "x"),
            &expected(json!({"dataset": {"version": "tickets-a"}})),
        );
    }
}
