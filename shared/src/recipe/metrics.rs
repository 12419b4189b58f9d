//! The names of the metrics that a recipe may name. They are listed here, since most functions read recipes and
//! only `evaluate` scores; a test of `evaluate` compares the list with the metrics that there are.

/// Every metric.
pub const METRICS: &[&str] = &[
    "rouge1",
    "rouge2",
    "rougeL",
    "rougeLsum",
    "rouge1_unstemmed",
    "rouge2_unstemmed",
    "rougeL_unstemmed",
    "rougeLsum_unstemmed",
    "rouge1_unicode",
    "rouge2_unicode",
    "rougeL_unicode",
    "bleu",
    "bleu_intl",
    "bleu_char",
    "bleu_none",
    "chrf",
    "chrf++",
    "ter",
    "exact",
    "squad_exact",
    "token_f1",
    "number",
    "similarity",
    "levenshtein",
    "jaro_winkler",
    "code",
    "json",
    "json_unordered",
    "json_keys",
    "json_valid",
    "json_bare",
    "call",
    "call_name",
    "call_arguments",
];

/// What a recipe with another name is answered.
pub(super) const METRICS_EXPECTED: &str =
    "must be a metric in the README of `scores`, such as exact, number, json, call or rougeL";
