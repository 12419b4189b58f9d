//! What is read to make a version: the upload itself, or what others judged of it.

use crate::streams::ObjectSource;
use clean_engine::{Error, Machine, Outcome, Outputs, Plan, Settings, merge, pass};

/// What is read to make a version.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) rows: Rows,
    /// What the first pass goes by, and what rows were judged by.
    pub(crate) plan: Plan,
}

/// Where the rows are.
#[derive(Debug)]
pub(crate) enum Rows {
    /// In the upload.
    Upload(Box<ObjectSource>),
    /// In what was judged of its ranges: frames of each, in order.
    Judged(Vec<ObjectSource>),
}

impl Input {
    /// Whether another pass over it can go by `better`.
    pub(crate) fn can_go_by(&self, better: &Plan) -> bool {
        match self.rows {
            Rows::Upload(_) => true,
            Rows::Judged(_) => better.processes_like(&self.plan),
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
            Rows::Upload(source) => pass(
                &**source,
                settings,
                plan,
                machine,
                Some(outputs),
                &mut |_| {},
            ),
            Rows::Judged(ranges) => merge(ranges, settings, plan, machine, Some(outputs)),
        }
    }
}
