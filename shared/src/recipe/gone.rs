//! Knobs of older tuning guides that the API no longer has, and today's answer to each.

const EPOCHS: &str = "set `epochs`: steps follow from rows and epochs";
const BATCH: &str = "the service chooses the batch size; set `epochs` instead";
const RATE: &str = "set `learning_rate_multiplier`, 1.0 being the model's own rate";
const SCHEDULE: &str = "the service chooses warm-up and schedule; leave it out";
const ADAPTER: &str = "set `adapter_size` to 1, 2, 4, 8 or 16";
const MACHINES: &str = "the service chooses the machines, for tuning as for serving; leave it out";
const MODEL: &str = "set `base_model`";
const OPTIMIZER: &str = "the service chooses the optimizer and its settings; leave it out";
const STOPPING: &str =
    "`early-stop` stops a run whose evaluation loss rises; set clean.validation_percent";
const LENGTH: &str = "the model's own limit holds; long rows are findings of `lapidary check`";
const SEED: &str = "the service has none; clean.seed is that of the split";
const CHECKPOINTS: &str = "checkpoints are kept, and the best one is served; leave it out";

/// Each knob, with what takes its place.
pub(super) const GONE: &[(&str, &str)] = &[
    ("batch_size", BATCH),
    ("train_batch_size", BATCH),
    ("per_device_train_batch_size", BATCH),
    ("gradient_accumulation_steps", BATCH),
    ("learning_rate", RATE),
    ("lr", RATE),
    ("learning_rate_mult", RATE),
    ("warmup_steps", SCHEDULE),
    ("warm_up_steps", SCHEDULE),
    ("warmup_ratio", SCHEDULE),
    ("lr_scheduler_type", SCHEDULE),
    ("lr_schedule", SCHEDULE),
    ("decay_steps", SCHEDULE),
    ("n_epochs", "set `epochs`"),
    ("num_epochs", "set `epochs`"),
    ("num_train_epochs", "set `epochs`"),
    ("epoch_count", "set `epochs`"),
    ("train_steps", EPOCHS),
    ("max_steps", EPOCHS),
    ("steps", EPOCHS),
    ("lora_rank", ADAPTER),
    ("lora_r", ADAPTER),
    ("lora_alpha", ADAPTER),
    ("lora_dropout", ADAPTER),
    ("rank", ADAPTER),
    ("tuning_mode", ADAPTER),
    ("machine_type", MACHINES),
    ("machine_types", MACHINES),
    ("accelerator", MACHINES),
    ("accelerators", MACHINES),
    ("accelerator_type", MACHINES),
    ("accelerator_count", MACHINES),
    ("gpu_type", MACHINES),
    ("gpu_count", MACHINES),
    ("tpu_type", MACHINES),
    ("replica_count", MACHINES),
    ("replicas", MACHINES),
    ("min_replica_count", MACHINES),
    ("max_replica_count", MACHINES),
    ("model", MODEL),
    ("model_id", MODEL),
    ("source_model", MODEL),
    ("optimizer", OPTIMIZER),
    ("weight_decay", OPTIMIZER),
    ("max_grad_norm", OPTIMIZER),
    ("early_stopping_patience", STOPPING),
    ("eval_steps", STOPPING),
    ("eval_interval", STOPPING),
    ("early_stopping", STOPPING),
    ("patience", STOPPING),
    ("warmup", SCHEDULE),
    ("scheduler", SCHEDULE),
    ("lr_scheduler", SCHEDULE),
    ("epoch", "set `epochs`"),
    ("tuning_steps", EPOCHS),
    ("gpus", MACHINES),
    ("dropout", ADAPTER),
    ("max_seq_length", LENGTH),
    ("max_tokens", LENGTH),
    ("random_seed", SEED),
    ("export_last_checkpoint_only", CHECKPOINTS),
];

/// Knobs of today's `[tune]`, which people write elsewhere, or in the spelling of the API.
pub(super) const TODAY: [&str; 5] = [
    "base_model",
    "epochs",
    "learning_rate_multiplier",
    "adapter_size",
    "budget_usd",
];
/// Fields of today's recipe that have the name of an old knob.
const KEPT: [(&str, &str); 2] = [("deploy", "model"), ("deploy.canary", "steps")];
/// The table that another crate reads, strictly: what may stand there is not known here.
const OTHERS: &str = "clean";

/// The old knobs in `table`, which stands at `place`, and in the tables in it; each with today's answer.
pub(super) fn answers(place: &str, table: &toml::Table) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in table {
        let at = if place.is_empty() {
            key.clone()
        } else {
            format!("{place}.{key}")
        };
        if at == OTHERS {
            continue;
        }
        match value.as_table() {
            Some(inner) => found.extend(answers(&at, inner)),
            None => found.extend(answer(place, key).map(|answer| format!("`{at}` {answer}"))),
        }
    }
    found
}

/// Today's answer to `key` at `place`; none where that is a field of today, or unknown.
fn answer(place: &str, key: &str) -> Option<String> {
    let name = snake(key);
    if KEPT.contains(&(place, &name)) {
        return None;
    }
    if TODAY.contains(&name.as_str()) {
        let is_right = place == "tune" && name == key;
        return (!is_right).then(|| format!("is written `{name}`, in table `tune`"));
    }
    let gone = GONE.iter().find(|(knob, _)| *knob == name);
    gone.map(|(_, instead)| format!("no longer exists: {instead}"))
}

/// `batchSize` and `batch-size` as `batch_size`.
fn snake(key: &str) -> String {
    let mut name = String::with_capacity(key.len() + 4);
    for character in key.chars() {
        if character.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(match character {
            '-' => '_',
            other => other.to_ascii_lowercase(),
        });
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(recipe: &str, expected: &[&str]) {
        let found = answers("", &recipe.parse().unwrap());
        assert_eq!(found.len(), expected.len(), "{recipe}: {found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{recipe}: {found}");
        }
    }

    #[test]
    fn a_knob_is_known_wherever_and_however_it_is_written() {
        check("batch_size = 8", &["`batch_size` no longer exists"]);
        check("[tune]\nbatchSize = 8", &["`tune.batchSize` no longer"]);
        check(
            "[hyperparameters]\nbatch-size = 8",
            &["`hyperparameters.batch-size`"],
        );
        check(
            "[deploy]\nmachine_type = 'n1'\nminReplicaCount = 1",
            &["deploy.machine_type", "deploy.minReplicaCount"],
        );
        check(
            "[tune]\nhyper_parameters = { epochCount = 3 }",
            &["set `epochs`"],
        );
        check(
            "[tune]\nbatch_size = 8\nlearning_rate = 0.1",
            &["tune.batch_size", "tune.learning_rate"],
        );
    }

    #[test]
    fn a_field_of_today_elsewhere_is_shown_its_place() {
        check("epochs = 3", &["is written `epochs`, in table `tune`"]);
        check(
            "[tune]\nlearningRateMultiplier = 1.0",
            &["is written `learning_rate_multiplier`"],
        );
    }

    #[test]
    fn fields_of_today_are_none() {
        let today = "[clean]\nseed = 7\n[tune]\nepochs = 3\nbudget_usd = 1.0\n[evaluate]\nrows = 20\n\
                     [deploy]\nmodel = 'a'\n[deploy.canary]\nsteps = [100]";
        check(today, &[]);
        check("[tune]\nunheard_of = 1", &[]);
    }
}
