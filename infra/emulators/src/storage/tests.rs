//! Drives the service as its clients do.
