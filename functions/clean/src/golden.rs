//! The reports of the example datasets, word for word.
