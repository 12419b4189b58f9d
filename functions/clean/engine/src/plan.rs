//! What a pass must know in advance that only the end of an earlier pass can know.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{
    dedup_index::DedupIndex, held_out::HeldOut, meter::Crc32c, row_span::RowNumbers, rule::Fault,
    rules,
};

/// What an earlier pass over the same bytes found. The first pass has an empty plan, or one with
/// held-out questions only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Size and checksum of the bytes that the plan is about.
    pub(crate) bytes: Option<(u64, Crc32c)>,
    /// Rows whose turn in the draw comes before this do not train.
    pub(crate) draw_below: Option<u64>,
    /// Groups of questions that train all the same: they have more rows than any other split has
    /// room for.
    pub(crate) oversized_groups: HashSet<u64>,
    /// Questions that earlier versions hold out. Not serialised: the reader of a plan has them
    /// already.
    #[serde(skip)]
    pub(crate) held_out: Arc<HeldOut>,
    /// Groups of questions that the file itself holds out, by the splits that it names.
    #[serde(default)]
    pub(crate) own_held_out: HashSet<u64>,
    /// Groups of held-out questions, near-duplicates included, that no split has room for.
    pub(crate) left_out: HashSet<u64>,
    /// Questions to reject for having different answers: the number of the row with the first answer,
    /// and of the first that differs.
    pub(crate) contradictions: HashMap<u64, (u32, u32)>,
    /// Which rows repeat or contradict an earlier one, where they were compared on disk.
    #[serde(with = "shared_index")]
    pub(crate) dedup_index: Option<Arc<DedupIndex>>,
    /// Number of passes so far.
    pub(crate) passes: u32,
}

impl Plan {
    /// The same plan, in which no row with a question in `held_out` trains.
    #[must_use]
    pub fn holding_out(self, held_out: HeldOut) -> Self {
        Self {
            held_out: Arc::new(held_out),
            ..self
        }
    }

    /// Whether single rows are processed in the same way by this plan and by `other`. Everything
    /// else in a plan is about how rows are merged, so ranges need not be processed again for it.
    pub fn processes_like(&self, other: &Self) -> bool {
        self.contradictions == other.contradictions && self.held_out == other.held_out
    }

    /// The fault of a row with question `input`, where rows are found by such `numbers`.
    pub(crate) fn contradiction(&self, input: u64, numbers: &RowNumbers) -> Option<Fault> {
        if self.contradictions.is_empty() {
            return None;
        }
        let (first, other) = self.contradictions.get(&input)?;
        let [first, other] = [first, other].map(|number| numbers.name((*number).into()));
        let message = format!("{first} and {other} have different answers to this question");
        Some(Fault::new(&rules::contradiction::RULE).with_message(message))
    }
}

/// Serialises the index itself, not its `Arc`.
mod shared_index {
    use std::sync::Arc;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use super::DedupIndex;

    #[expect(clippy::ref_option, reason = "serde calls it like this")]
    pub(super) fn serialize<S: Serializer>(
        known: &Option<Arc<DedupIndex>>,
        into: S,
    ) -> Result<S::Ok, S::Error> {
        known.as_deref().serialize(into)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Arc<DedupIndex>>, D::Error> {
        Ok(Option::<DedupIndex>::deserialize(from)?.map(Arc::new))
    }
}
