//! What a page shows, read from Firestore.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream, try_join};
use shared::{
    curve::Curve,
    dataset::{Upload, Version},
    error::{Chain, Error},
    evaluation::{Evaluation, EvaluationRecord},
    google::{
        documents::{Document, Documents, Stored},
        run_queue::QueueReader,
    },
    id::{DatasetName, RunId},
    route::Route,
    run::{QueuePosition, Run, State},
};
use tracing::warn;

/// Most runs that are listed, newest first; older ones are found by their URL.
const RUNS_MAX: u32 = 50;
/// Most uploads that are listed, newest first.
const UPLOADS_MAX: u32 = 50;
/// Documents that are read concurrently for one page.
const READS_AT_ONCE: usize = 8;

/// The newest runs, with their evaluations and routes.
#[derive(Debug, Default)]
pub(crate) struct RunList {
    /// The runs, newest first.
    pub(crate) newest: Vec<Run>,
    /// Evaluations by run.
    pub(crate) evaluations: BTreeMap<RunId, Evaluation>,
    /// Routes by the name of the model.
    pub(crate) routes: BTreeMap<DatasetName, Route>,
    /// Where runs stand in the queue.
    pub(crate) positions: BTreeMap<RunId, QueuePosition>,
}

/// One run, and everything that is known about it.
#[derive(Debug)]
pub(crate) struct RunDetails {
    /// The run.
    pub(crate) run: Run,
    /// Where it stands in the queue.
    pub(crate) position: Option<QueuePosition>,
    /// Its loss curve.
    pub(crate) curve: Option<Curve>,
    /// The dataset version it is tuned on.
    pub(crate) version: Option<Version>,
    /// The evaluation of its model.
    pub(crate) evaluation: Option<Evaluation>,
    /// The route of its model's name.
    pub(crate) route: Option<Route>,
}

/// A route, and the name that it is served under.
#[derive(Debug)]
pub(crate) struct NamedRoute {
    /// The name.
    pub(crate) name: DatasetName,
    /// The route.
    pub(crate) route: Route,
}

/// Every route, in the order of names: as many as there are names of models.
pub(crate) async fn all_routes(documents: &Documents) -> Result<Vec<NamedRoute>, Error> {
    let stored = documents.query_all::<Route>(&[]).await?;
    let named = stored.into_iter().filter_map(|stored| {
        let (name, route) = (stored.id.parse().ok()?, stored.value);
        Some(NamedRoute { name, route })
    });
    Ok(named.collect())
}

/// The route `name` with the revision that was read, for a compare-and-set.
pub(crate) async fn stored_route(
    documents: &Documents,
    name: &DatasetName,
) -> Result<Stored<Route>, Error> {
    let route = documents.get::<Route>(name.as_str()).await?;
    route.ok_or_else(|| Error::NotFound(format!("route `{name}`")))
}

/// The newest runs, without anything else.
pub(crate) async fn newest_runs(documents: &Documents) -> Result<Vec<Run>, Error> {
    let runs = documents.newest::<Run>("created_at", RUNS_MAX).await?;
    Ok(runs.into_iter().map(|stored| stored.value).collect())
}

/// The newest uploads.
pub(crate) async fn newest_uploads(documents: &Documents) -> Result<Vec<Upload>, Error> {
    let uploads = documents.newest::<Upload>("at", UPLOADS_MAX).await?;
    Ok(uploads.into_iter().map(|stored| stored.value).collect())
}

/// The newest runs, with their evaluations and routes.
pub(crate) async fn runs(documents: &Documents) -> Result<RunList, Error> {
    let newest = newest_runs(documents).await?;
    // Only a run with a model, or with a checkpoint that was kept, is evaluated and served.
    let has_model = |run: &&Run| run.state == State::Succeeded || run.chosen.is_some();
    let ids: BTreeSet<&RunId> = newest.iter().filter(has_model).map(|run| &run.id).collect();
    let models: BTreeSet<&DatasetName> = newest
        .iter()
        .filter(has_model)
        .map(|run| &run.model)
        .collect();
    let evaluations = stream::iter(ids).map(async |id| {
        let found = optional::<EvaluationRecord>(documents, id.as_str()).await?;
        Ok::<_, Error>(found.map(|found| (id.clone(), found.evaluation)))
    });
    let routes = stream::iter(models).map(async |model| {
        let found = optional::<Route>(documents, model.as_str()).await?;
        Ok::<_, Error>(found.map(|found| (model.clone(), found)))
    });
    let evaluations: Vec<_> = evaluations.buffered(READS_AT_ONCE).try_collect().await?;
    let routes: Vec<_> = routes.buffered(READS_AT_ONCE).try_collect().await?;
    let positions = QueueReader::new(documents).positions(&newest).await?;
    Ok(RunList {
        positions,
        evaluations: evaluations.into_iter().flatten().collect(),
        routes: routes.into_iter().flatten().collect(),
        newest,
    })
}

/// The run `id` with the revision that was read, for a compare-and-set.
pub(crate) async fn stored_run(documents: &Documents, id: &RunId) -> Result<Stored<Run>, Error> {
    let run = documents.get::<Run>(id.as_str()).await?;
    run.ok_or_else(|| Error::NotFound(format!("run `{id}`")))
}

/// The run `id` and its loss curve.
pub(crate) async fn run_and_curve(
    documents: &Documents,
    id: &RunId,
) -> Result<(Run, Option<Curve>), Error> {
    let (run, curve) = try_join!(
        stored_run(documents, id),
        optional::<Curve>(documents, id.as_str())
    )?;
    Ok((run.value, curve))
}

/// The run `id` and everything that is known about it.
pub(crate) async fn run(documents: &Documents, id: &RunId) -> Result<RunDetails, Error> {
    let (run, curve) = run_and_curve(documents, id).await?;
    let (version, evaluated, route) = try_join!(
        optional::<Version>(documents, run.version.as_str()),
        optional::<EvaluationRecord>(documents, id.as_str()),
        optional::<Route>(documents, run.model.as_str()),
    )?;
    let position = QueueReader::new(documents).position(&run).await?;
    Ok(RunDetails {
        run,
        position,
        curve,
        version,
        evaluation: evaluated.map(|evaluated| evaluated.evaluation),
        route,
    })
}

/// A document that a page can do without: absent also if it cannot be parsed, with a warning.
async fn optional<T: Document>(documents: &Documents, id: &str) -> Result<Option<T>, Error> {
    match documents.get::<T>(id).await {
        Ok(found) => Ok(found.map(|stored| stored.value)),
        Err(error @ Error::Internal { .. }) => {
            let collection = T::COLLECTION;
            warn!(
                outcome = "left_out",
                "left `{collection}/{id}` out of a page: {}",
                Chain(&error)
            );
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
