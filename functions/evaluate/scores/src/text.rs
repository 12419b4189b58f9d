//! What metrics are computed from: the symbols of a text, n-grams and common subsequences.

pub(crate) mod characters;
mod chrf_words;
mod code;
pub(crate) mod fence;
pub(crate) mod form;
mod international;
pub(crate) mod ngrams;
pub(crate) mod sequence;
pub(crate) mod squad;
mod stem;
mod thirteen_a;
mod vocabulary;
mod words;
