//! A task of the job that cleans large uploads: judges a range of the bytes, and, if it is the last
//! to do so, makes the version of what all have judged.
//!
//! A task may be killed anywhere and is started again: what it finds done it does not do again.

use clean_engine::{Error as CleanError, Machine, Plan, Settings, process_range, range_of};
use std::{error::Error as StdError, sync::Arc};

use bytes::Bytes;
use shared::{config::Reader, error::Error, google::objects::Stat, id::VersionId, uri::GcsUri};
use tracing::{Instrument as _, info, info_span, warn};

use crate::{
    Config,
    cleaning::{CLEANING_VARIABLE, Cleaning, ROUND_VARIABLE},
    fate::Fate,
    input::{Input, Rows},
    lineage,
    make::{self, Made},
    state::State,
    streams::{ObjectSource, Pipe},
};

/// What frames and plans are, to a browser.
const BINARY: &str = "application/octet-stream";

/// Largest plan that is read: a bit for each of the four thousand million lines that can be counted,
/// twice, and some.
const PLAN_BYTES_MAX: u64 = 2 << 30;

/// Times that frames which do not fit are judged again before the task gives up.
const SPOILT_MAX: u32 = 3;

/// What Cloud Run and [`Cleaning::start`] tell a task.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    /// The version to be made; `CLEANING`.
    pub(crate) cleaning: VersionId,
    /// How often rows were judged before; `ROUND`.
    pub(crate) round: u32,
    /// Which of the tasks it is, from 0; `CLOUD_RUN_TASK_INDEX`.
    pub(crate) index: u32,
}

impl Task {
    /// Reads the settings of the function, and those of the task.
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

/// Does the work of one task.
pub(crate) async fn run(state: State, task: Task) -> Result<(), Box<dyn StdError>> {
    let cleaning = Cleaning::read(&state, &task.cleaning).await?.value;
    let work = Work {
        settings: Arc::new(make::settings_of(&cleaning.order.recipe)?),
        folder: format!("cleanings/{}/{}", task.cleaning, task.round),
        state,
        task,
        cleaning,
    };
    let (version, index) = (&work.task.cleaning, work.task.index);
    let span = info_span!("task", dataset.version = %version, task.index = index);
    work.run().instrument(span).await.map_err(Into::into)
}

/// A task at work.
struct Work {
    state: State,
    task: Task,
    cleaning: Cleaning,
    settings: Arc<Settings>,
    /// Where the frames of its round are.
    folder: String,
}

impl Work {
    async fn run(&self) -> Result<(), Error> {
        if self.cleaning.fate.is_some() {
            // An earlier attempt was killed after it.
            return self.cleaning.tell(&self.state).await;
        }
        let Some(made) = self.make().await? else {
            return Ok(());
        };
        if let Made::Again(plan) = &made {
            return self.judge_again(plan).await;
        }
        let Some(fate) = Fate::of(&self.state, &made).await? else {
            return Err(Error::Busy("frames do not stay as they are written".into()));
        };
        let ended = Cleaning::end(&self.state, &self.task.cleaning, fate).await?;
        ended.tell(&self.state).await?;
        self.tidy().await;
        Ok(())
    }

    /// Does its share; what came of all, if it was the last.
    async fn make(&self) -> Result<Option<Made>, Error> {
        let order = &self.cleaning.order;
        let plan = match lineage::held_out(&self.state, &order.parents).await? {
            Ok(held_out) => self.plan().await?.holding_out(held_out),
            Err(note) => return Ok(Some(Made::Nothing(note))),
        };
        if self.cleaning.tasks == 1 {
            let rows = Rows::Upload(Box::new(self.source()));
            let input = Input { rows, plan };
            let made = make::version(&self.state, order.clone(), self.settings(), input);
            return made.await.map(Some);
        }
        if let Err(error) = self.judge(self.task.index, &plan).await? {
            return make::refused(error).map(Some);
        }
        for _ in 0..SPOILT_MAX {
            let judged = self.judged().await?;
            let tasks = usize::try_from(self.cleaning.tasks).unwrap_or(usize::MAX);
            if judged.len() < tasks {
                let others = tasks - judged.len();
                info!("{others} of {tasks} tasks are still at work");
                return Ok(None);
            }
            let frames = |stat| ObjectSource::of(self.state.objects.clone(), stat);
            let input = Input {
                rows: Rows::Judged(judged.iter().map(frames).collect()),
                plan: plan.clone(),
            };
            let made = make::version(&self.state, order.clone(), self.settings(), input).await?;
            let Made::Spoilt(range) = made else {
                return Ok(Some(made));
            };
            warn!(outcome = "spoilt", "the frames of range {range} do not fit");
            if let Some(spoilt) = judged.get(range) {
                self.state.objects.delete(&spoilt.artifact).await?;
            }
            let range = u32::try_from(range).unwrap_or(u32::MAX);
            if let Err(error) = self.judge(range, &plan).await? {
                return make::refused(error).map(Some);
            }
        }
        Ok(Some(Made::Spoilt(0)))
    }

    /// Judges a range and puts down what was found, unless that is there.
    async fn judge(&self, index: u32, plan: &Plan) -> Result<Result<(), CleanError>, Error> {
        let uri = self.frames_uri(index);
        if self.state.objects.stat(&uri, None).await?.is_some() {
            info!(outcome = "judged_before", "range {index} is judged");
            return Ok(Ok(()));
        }
        let (mut pipe, stream) = Pipe::new();
        let created = self.state.objects.create_streamed(&uri, BINARY, stream);
        let size = self.cleaning.order.stat.size_bytes;
        let range = range_of(size, index, self.cleaning.tasks);
        let (source, settings, plan) = (self.source(), Arc::clone(&self.settings), plan.clone());
        let judging = make::blocking(move || {
            let machine = Machine::default();
            let judged = process_range(&source, range, &settings, &plan, machine, pipe.writer());
            pipe.finish(judged.is_ok());
            judged
        });
        let (judged, created) = tokio::join!(judging, created);
        if let Err(error) = judged? {
            return Ok(Err(error));
        }
        let stat = created?.into_stat();
        info!(
            event.name = "range_judged",
            bytes = stat.size_bytes,
            "judged range {index} of {}",
            self.cleaning.tasks
        );
        Ok(Ok(()))
    }

    /// The frames that are there, in the order of their ranges.
    async fn judged(&self) -> Result<Vec<Stat>, Error> {
        let prefix = format!("{}/", self.folder);
        let bucket = &self.state.config.datasets_bucket;
        let mut found = self.state.objects.list(bucket, &prefix).await?;
        found.retain(|stat| stat.artifact.uri.object.ends_with(".frames"));
        found.sort_by(|a, b| a.artifact.uri.object.cmp(&b.artifact.uri.object));
        Ok(found)
    }

    /// What ranges are judged by in this round.
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

    /// Puts down what the next round goes by, and starts it.
    async fn judge_again(&self, plan: &Plan) -> Result<(), Error> {
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
        Cleaning::judge_again(&self.state, &self.task.cleaning, self.task.round).await
    }

    /// Deletes frames and plans. A rule of the bucket takes those that stay: nobody waits for that.
    async fn tidy(&self) {
        let bucket = &self.state.config.datasets_bucket;
        let prefix = format!("cleanings/{}/", self.task.cleaning);
        let Ok(passing) = self.state.objects.list(bucket, &prefix).await else {
            return;
        };
        for stat in passing {
            if let Err(error) = self.state.objects.delete(&stat.artifact).await {
                warn!(outcome = "not_tidied", "`{}` stays: {error}", stat.artifact);
                return;
            }
        }
    }

    fn source(&self) -> ObjectSource {
        ObjectSource::of(self.state.objects.clone(), &self.cleaning.order.stat)
    }

    fn settings(&self) -> Settings {
        Settings::clone(&self.settings)
    }

    fn frames_uri(&self, index: u32) -> GcsUri {
        // As many digits as the most tasks need, so that names sort as numbers do.
        self.uri(format!("{}/{index:05}.frames", self.folder))
    }

    fn plan_uri(&self, round: u32) -> GcsUri {
        self.uri(format!("cleanings/{}/{round}/plan", self.task.cleaning))
    }

    fn uri(&self, object: String) -> GcsUri {
        GcsUri::new(self.state.config.datasets_bucket.clone(), object)
    }
}
