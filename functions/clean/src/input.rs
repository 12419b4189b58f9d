//! What is read to make a version: the upload itself, or what others judged of it.

use crate::{Error, Machine, Outcome, Outputs, Plan, Settings, merge, pass, streams::ObjectSource};

/// What is read to make a version.
#[derive(Debug)]
pub(crate) enum Input {
    /// The upload itself.
    Upload(Box<ObjectSource>),
    /// What was judged of its ranges, in order.
    Judged {
        /// Frames of each.
        ranges: Vec<ObjectSource>,
        /// What they were judged by.
        plan: Plan,
    },
}

impl Input {
    /// What the first pass over it goes by.
    pub(crate) fn plan(&self) -> Plan {
        match self {
            Self::Upload(_) => Plan::default(),
            Self::Judged { plan, .. } => plan.clone(),
        }
    }

    /// Whether another pass over it can go by `better`.
    pub(crate) fn can_go_by(&self, better: &Plan) -> bool {
        match self {
            Self::Upload(_) => true,
            Self::Judged { plan, .. } => better.judges_like(plan),
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
        match self {
            Self::Upload(source) => pass(
                &**source,
                settings,
                plan,
                machine,
                Some(outputs),
                &mut |_| {},
            ),
            Self::Judged { ranges, .. } => merge(ranges, settings, plan, machine, Some(outputs)),
        }
    }
}
