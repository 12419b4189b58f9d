//! How far a job is, and what names its answer.

/// Passes over the rows.
pub(crate) const EPOCHS: u32 = 3;

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum JobStage {
    /// Nothing is counted yet.
    Pending,
    /// So many epochs are done.
    Running(u32),
    /// It made a model.
    Succeeded,
    /// The service failed, after so many epochs of training as are named nowhere: one.
    Failed,
    /// It was stopped before anything was counted.
    Withdrawn,
    /// It was stopped after so many epochs.
    Cancelled(u32),
}

impl JobStage {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running(_) => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Withdrawn | Self::Cancelled(_) => "CANCELLED",
        }
    }

    /// The epochs that are done, once tokens have been counted.
    pub(crate) fn epochs(self) -> Option<u32> {
        match self {
            Self::Pending | Self::Withdrawn => None,
            Self::Running(epochs) | Self::Cancelled(epochs) => Some(epochs),
            Self::Succeeded => Some(EPOCHS),
            Self::Failed => Some(1),
        }
    }

    pub(crate) fn is_final(self) -> bool {
        match self {
            Self::Pending | Self::Running(_) => false,
            Self::Succeeded | Self::Failed | Self::Withdrawn | Self::Cancelled(_) => true,
        }
    }
}

/// A job that the service has, as far as its answers depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct JobKey {
    pub(crate) number: usize,
    pub(crate) run: usize,
    pub(crate) region: usize,
    pub(crate) attempt: u32,
    pub(crate) stage: JobStage,
}
