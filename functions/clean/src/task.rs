//! A task of the job that cleans large uploads. It processes a range of the bytes into frames; the last
//! task to finish merges the frames of all into the version.
//!
//! A task may be killed at any point and is started again. It skips what it finds done.

use clean_engine::{Error as CleanError, Machine, Plan, Settings, process_range, range_of};
use std::{error::Error as StdError, sync::Arc};

use bytes::Bytes;
use shared::{config::Reader, error::Error, google::objects::Stat, id::VersionId, uri::GcsUri};
use tracing::{Instrument as _, info, info_span, warn};

use crate::{
    blocking,
    build_input::{BuildInput, RowSource},
    build_version::{self, BuildOutcome},
    cleaning::{CLEANING_VARIABLE, Cleaning, ROUND_VARIABLE},
    config::Config,
    lineage, recipe,
    state::State,
    streams::{ObjectSource, Pipe},
    upload_result::UploadResult,
};

/// Content type of frames and plans.
const BINARY: &str = "application/octet-stream";

/// Largest plan that is read: two bits for each of the 2³² lines that can be counted, and some spare.
const PLAN_BYTES_MAX: u64 = 2 << 30;

/// Times that corrupt frames are made again before the task gives up.
const CORRUPT_MAX: u32 = 3;

/// The arguments of a task, set by Cloud Run and [`Cleaning::start`].
#[derive(Debug, Clone)]
pub(crate) struct TaskArgs {
    /// The version to build; `CLEANING`.
    pub(crate) cleaning: VersionId,
    /// The number of earlier rounds; `ROUND`.
    pub(crate) round: u32,
    /// The index of the task, from 0; `CLOUD_RUN_TASK_INDEX`.
    pub(crate) index: u32,
}

impl TaskArgs {
    /// Reads the settings of the function and the arguments of the task.
    pub(crate) fn read(read: &mut Reader<'_>) -> Option<(Config, Self)> {
        let config = Config::read(read);
        let cleaning = read.required(CLEANING_VARIABLE);
        let round = read.or(ROUND_VARIABLE, 0);
        let index = read.required("CLOUD_RUN_TASK_INDEX");
        let task = Self {
            cleaning: cleaning?,
            round: round?,
            index: index?,
        };
        Some((config?, task))
    }
}

/// Runs one task.
pub(crate) async fn run(state: State, task: TaskArgs) -> Result<(), Box<dyn StdError>> {
    let cleaning = Cleaning::read(&state, &task.cleaning).await?.value;
    let task_run = TaskRun {
        settings: Arc::new(recipe::settings(&cleaning.spec.recipe)?),
        folder: format!("cleanings/{}/{}", task.cleaning, task.round),
        state,
        task,
        cleaning,
    };
    let (version, index) = (&task_run.task.cleaning, task_run.task.index);
    let span = info_span!("task", dataset.version = %version, task.index = index);
    task_run.run().instrument(span).await.map_err(Into::into)
}

/// A running task.
struct TaskRun {
    state: State,
    task: TaskArgs,
    cleaning: Cleaning,
    settings: Arc<Settings>,
    /// The folder of the frames of this round.
    folder: String,
}

impl TaskRun {
    async fn run(&self) -> Result<(), Error> {
        if self.cleaning.result.is_some() {
            // An earlier attempt was killed after it recorded the result.
            return self.cleaning.publish_result(&self.state).await;
        }
        let Some(outcome) = self.build().await? else {
            return Ok(());
        };
        if let BuildOutcome::NextRound(plan) = &outcome {
            return self.start_next_round(plan).await;
        }
        let Some(result) = UploadResult::of(&self.state, &outcome).await? else {
            return Err(Error::Busy(
                "frames are corrupt although they were made again several times".into(),
            ));
        };
        let ended = Cleaning::finish(&self.state, &self.task.cleaning, result).await?;
        ended.publish_result(&self.state).await?;
        self.delete_intermediate_files().await;
        Ok(())
    }

    /// Processes the range of this task. If it is the last, builds the version and returns the outcome.
    async fn build(&self) -> Result<Option<BuildOutcome>, Error> {
        let spec = &self.cleaning.spec;
        let plan = match lineage::held_out(&self.state, &spec.parents).await? {
            Ok(held_out) => self.plan().await?.holding_out(held_out),
            Err(note) => return Ok(Some(BuildOutcome::Rejected(note))),
        };
        if self.cleaning.tasks == 1 {
            let rows = RowSource::Upload(Box::new(self.source()));
            let input = BuildInput { rows, plan };
            let outcome = build_version::build(&self.state, spec.clone(), self.settings(), input);
            return outcome.await.map(Some);
        }
        if let Err(error) = self.process(self.task.index, &plan).await? {
            return build_version::failed(error).map(Some);
        }
        for _ in 0..CORRUPT_MAX {
            let stored = self.stored_frames().await?;
            let tasks = usize::try_from(self.cleaning.tasks).unwrap_or(usize::MAX);
            if stored.len() < tasks {
                let others = tasks - stored.len();
                info!("{others} of {tasks} tasks are still running");
                return Ok(None);
            }
            let frames = |stat| ObjectSource::of(self.state.objects.clone(), stat);
            let input = BuildInput {
                rows: RowSource::Frames(stored.iter().map(frames).collect()),
                plan: plan.clone(),
            };
            let outcome =
                build_version::build(&self.state, spec.clone(), self.settings(), input).await?;
            let BuildOutcome::CorruptFrames(range) = outcome else {
                return Ok(Some(outcome));
            };
            warn!(
                outcome = "corrupt_frames",
                "the frames of range {range} do not fit the upload: making them again"
            );
            if let Some(corrupt) = stored.get(range) {
                self.state.objects.delete(&corrupt.artifact).await?;
            }
            let range = u32::try_from(range).unwrap_or(u32::MAX);
            if let Err(error) = self.process(range, &plan).await? {
                return build_version::failed(error).map(Some);
            }
        }
        Ok(Some(BuildOutcome::CorruptFrames(0)))
    }

    /// Processes a range and writes its frames, unless they exist.
    async fn process(&self, index: u32, plan: &Plan) -> Result<Result<(), CleanError>, Error> {
        let uri = self.frames_uri(index);
        if self.state.objects.stat(&uri, None).await?.is_some() {
            info!(
                outcome = "processed_before",
                "the frames of range {index} exist"
            );
            return Ok(Ok(()));
        }
        let (mut pipe, stream) = Pipe::new();
        let created = self.state.objects.create_streamed(&uri, BINARY, stream);
        let size = self.cleaning.spec.stat.size_bytes;
        let range = range_of(size, index, self.cleaning.tasks);
        let (source, settings, plan) = (self.source(), Arc::clone(&self.settings), plan.clone());
        let processing = blocking::run(move || {
            let machine = Machine::default();
            let processed = process_range(&source, range, &settings, &plan, machine, pipe.writer());
            pipe.finish(processed.is_ok());
            processed
        });
        let (processed, created) = tokio::join!(processing, created);
        if let Err(error) = processed? {
            return Ok(Err(error));
        }
        let stat = created?.into_stat();
        info!(
            event.name = "range_processed",
            bytes = stat.size_bytes,
            "processed range {index} of {}",
            self.cleaning.tasks
        );
        Ok(Ok(()))
    }

    /// The frames that exist, in the order of their ranges.
    async fn stored_frames(&self) -> Result<Vec<Stat>, Error> {
        let prefix = format!("{}/", self.folder);
        let bucket = &self.state.config.datasets_bucket;
        let mut found = self.state.objects.list(bucket, &prefix).await?;
        found.retain(|stat| stat.artifact.uri.object.ends_with(".frames"));
        found.sort_by(|a, b| a.artifact.uri.object.cmp(&b.artifact.uri.object));
        Ok(found)
    }

    /// The plan of this round.
    async fn plan(&self) -> Result<Plan, Error> {
        if self.task.round == 0 {
            return Ok(Plan::default());
        }
        let uri = self.plan_uri(self.task.round);
        let bytes = self.state.objects.read(&uri, PLAN_BYTES_MAX).await?;
        let bytes = bytes.ok_or_else(|| Error::NotFound(uri.to_string()))?;
        Plan::from_bytes(&bytes).map_err(|source| Error::Internal {
            what: "a plan that does not parse",
            source: source.into(),
        })
    }

    /// Writes the plan of the next round, and starts that round.
    async fn start_next_round(&self, plan: &Plan) -> Result<(), Error> {
        let bytes = plan.to_bytes().map_err(|source| Error::Internal {
            what: "a plan that does not serialise",
            source: source.into(),
        })?;
        let uri = self.plan_uri(self.task.round + 1);
        let _first_one_stays = self
            .state
            .objects
            .create(&uri, BINARY, Bytes::from(bytes))
            .await?;
        Cleaning::start_next_round(&self.state, &self.task.cleaning, self.task.round).await
    }

    /// Deletes frames and plans. A failure is only logged: a lifecycle rule of the bucket deletes what is
    /// left.
    async fn delete_intermediate_files(&self) {
        let bucket = &self.state.config.datasets_bucket;
        let prefix = format!("cleanings/{}/", self.task.cleaning);
        let Ok(files) = self.state.objects.list(bucket, &prefix).await else {
            return;
        };
        for stat in files {
            if let Err(error) = self.state.objects.delete(&stat.artifact).await {
                warn!(
                    outcome = "not_deleted",
                    "`{}` was not deleted: {error}", stat.artifact
                );
                return;
            }
        }
    }

    fn source(&self) -> ObjectSource {
        ObjectSource::of(self.state.objects.clone(), &self.cleaning.spec.stat)
    }

    fn settings(&self) -> Settings {
        Settings::clone(&self.settings)
    }

    fn frames_uri(&self, index: u32) -> GcsUri {
        // Five digits hold the largest index, so that names sort in the order of their numbers.
        self.uri(format!("{}/{index:05}.frames", self.folder))
    }

    fn plan_uri(&self, round: u32) -> GcsUri {
        self.uri(format!("cleanings/{}/{round}/plan", self.task.cleaning))
    }

    fn uri(&self, object: String) -> GcsUri {
        GcsUri::new(self.state.config.datasets_bucket.clone(), object)
    }
}
