//! The limits on a whole training or validation file, and the messages of jobs that exceed them.

/// Bytes of a training file: "1 GB JSONL".
const FILE_MAX_BYTES: u64 = 1 << 30;
/// Rows of a training file, text only.
const TRAINING_ROWS_MAX: u64 = 10_000_000;
/// Rows of a validation file.
const VALIDATION_ROWS_MAX: u64 = 5_000;
/// Above this number of validation rows, their share of the training rows is limited as well.
const VALIDATION_ROWS_FREE: u64 = 1_000;
/// That share, in percent of the training rows (the tuning guide).
const VALIDATION_ROWS_PERCENT: u64 = 30;
/// The validation file's bytes in percent of the training file's (google/skills, `agent-platform-tuning`).
const VALIDATION_BYTES_PERCENT: u64 = 25;
/// The size of a file.
#[derive(Debug)]
pub(super) struct Size<'a> {
    /// Bytes of the file.
    pub(super) bytes: u64,
    /// Lines that are not empty.
    pub(super) lines: u64,
    /// Of these, the ones that are not JSON objects.
    pub(super) not_json: u64,
    /// Of these, the ones that are usable.
    pub(super) rows: u64,
    /// The first unusable one: its number and the reason.
    pub(super) first_dropped: Option<&'a (u64, String)>,
}

/// Why a training file is refused.
pub(super) fn training_error(file: &Size<'_>) -> Option<String> {
    if file.bytes > FILE_MAX_BYTES {
        return Some("The training dataset exceeds 1 GB.".to_owned());
    }
    if file.lines == 0 {
        return Some("The training dataset is empty.".to_owned());
    }
    if file.lines > TRAINING_ROWS_MAX {
        return Some("The training dataset exceeds 10000000 examples.".to_owned());
    }
    if file.not_json == file.lines {
        return Some(
            "The training dataset is not in JSONL format: no line is a JSON object.".to_owned(),
        );
    }
    if file.rows == 0 {
        let (row, reason) = file.first_dropped?;
        return Some(format!(
            "The training dataset has no valid example: all {} were dropped; row {row}: {reason}.",
            file.lines
        ));
    }
    None
}

/// Why a validation file is refused for a training file.
pub(super) fn validation_error(file: &Size<'_>, training: &Size<'_>) -> Option<String> {
    let rows = file.rows;
    if rows == 0 {
        return Some("The validation dataset has no valid example.".to_owned());
    }
    if rows > VALIDATION_ROWS_MAX {
        return Some(format!(
            "The validation dataset has {rows} examples; at most {VALIDATION_ROWS_MAX} are allowed."
        ));
    }
    if rows > VALIDATION_ROWS_FREE && rows * 100 > training.rows * VALIDATION_ROWS_PERCENT {
        return Some(format!(
            "The validation dataset has {rows} examples, more than {VALIDATION_ROWS_PERCENT}% of the training dataset's {}.",
            training.rows
        ));
    }
    let (bytes, of) = (file.bytes, training.bytes);
    if bytes * 100 > of * VALIDATION_BYTES_PERCENT {
        return Some(format!(
            "The validation dataset has {bytes} bytes, more than {VALIDATION_BYTES_PERCENT}% of the training dataset's {of}."
        ));
    }
    None
}
