//! Why a text could not be read as JSON, and at which byte.

/// Why a text could not be read as JSON.
///
/// The rules, which decide what happens to the row, are in a layer above: see
/// [`invalid_json::fault`](crate::rules::invalid_json::fault).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    /// What kind of error it is.
    pub(crate) kind: SyntaxErrorKind,
    /// Byte offset within the text.
    pub(crate) at: u32,
    /// What exactly is wrong; empty where the kind says it all.
    pub(crate) message: &'static str,
}

/// What kind of error stopped the parser: a rule of its own each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SyntaxErrorKind {
    /// The text breaks the grammar.
    Grammar,
    /// A UTF-16 surrogate has no other half.
    LoneSurrogate,
    /// Brackets are nested deeper than [`DEPTH_MAX`](super::DEPTH_MAX).
    TooDeep,
}
