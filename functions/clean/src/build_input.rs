//! The input of a build: the upload itself, or the frames that tasks made of it.

use crate::streams::ObjectSource;
use clean_engine::{Error, Machine, Outcome, Outputs, Plan, Settings, merge, pass};

/// The input of a build.
#[derive(Debug)]
pub(crate) struct BuildInput {
    pub(crate) rows: RowSource,
    /// The plan of the first pass, and the one by which the frames were made.
    pub(crate) plan: Plan,
}

/// Where the rows come from.
#[derive(Debug)]
pub(crate) enum RowSource {
    /// The upload.
    Upload(Box<ObjectSource>),
    /// The frames of each of its ranges, in order.
    Frames(Vec<ObjectSource>),
}

impl BuildInput {
    /// Whether another pass over it can use the plan `better`.
    pub(crate) fn can_reuse(&self, better: &Plan) -> bool {
        match self.rows {
            RowSource::Upload(_) => true,
            RowSource::Frames(_) => better.processes_like(&self.plan),
        }
    }

    /// Reads it once.
    pub(crate) fn pass(
        &self,
        settings: &Settings,
        plan: &Plan,
        outputs: &mut dyn Outputs,
    ) -> Result<Outcome, Error> {
        let machine = Machine::default();
        match &self.rows {
            RowSource::Upload(source) => pass(
                &**source,
                settings,
                plan,
                machine,
                Some(outputs),
                &mut |_| {},
            ),
            RowSource::Frames(ranges) => merge(ranges, settings, plan, machine, Some(outputs)),
        }
    }
}
