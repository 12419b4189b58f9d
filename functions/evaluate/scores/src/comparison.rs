//! What the scores of two models on the same rows allow to claim.
