//! What is read to make a version: the upload itself, or what others judged of it.

use crate::streams::ObjectSource;
use clean_engine::{Error, Machine, Outcome, Outputs, Plan, Settings, merge, pass};

/// What is read to make a version.
#[derive(Debug)]
pub(crate) struct BuildInput {
    pub(crate) rows: RowSource,
    /// What the first pass goes by, and what rows were judged by.
    pub(crate) plan: Plan,
}

/// Where the rows are.
#[derive(Debug)]
pub(crate) enum RowSource {
    /// In the upload.
    Upload(Box<ObjectSource>),
    /// In what was judged of its ranges: frames of each, in order.
    Frames(Vec<ObjectSource>),
}

impl BuildInput {
    /// Whether another pass over it can go by `better`.
    pub(crate) fn can_reuse(&self, better: &Plan) -> bool {
        match self.rows {
            RowSource::Upload(_) => true,
            RowSource::Frames(_) => better.judges_like(&self.plan),
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
