//! Knobs of older tuning guides that the API no longer has, and today's answer to each: in whatever spelling
//! and place they are written.

use std::fmt;

use toml::{Table, Value};

const EPOCHS: &str = "set `tune.epochs`: steps follow from rows and epochs";
const BATCH: &str = "the service chooses the batch size; set `tune.epochs` instead";
const RATE: &str = "set `tune.learning_rate_multiplier`, 1.0 being the model's own rate";
const SCHEDULE: &str = "the service chooses warm-up and schedule; leave it out";
const ADAPTER: &str = "set `tune.adapter_size` to 1, 2, 4, 8 or 16";
const MACHINES: &str = "the service chooses the machines, for tuning as for serving; leave it out";
const MODEL: &str = "set `tune.base_model`";
const OPTIMIZER: &str = "the service chooses the optimizer and its settings; leave it out";
const STOPPING: &str =
    "`early-stop` stops a run whose evaluation loss rises; set clean.validation_percent";

const LENGTH: &str =
    "the service limits the tokens of a row, and `check` finds longer ones; leave it out";
const SEED: &str = "the service draws its own; leave it out";
const CHECKPOINTS: &str =
    "a checkpoint of each epoch is kept, and the best one is served; leave it out";
const IDENTITY: &str = "it belongs to the deployment, see infra; leave it out";
const CURVE: &str = "`watch` reads the losses by itself; leave it out";
const THINKING: &str = "requests set it, tuning does not; leave it out";
const VALIDATION: &str = "set clean.validation_percent";

/// Each knob, in snake case, with what takes its place.
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
    ("n_epochs", "set `tune.epochs`"),
    ("num_epochs", "set `tune.epochs`"),
    ("num_train_epochs", "set `tune.epochs`"),
    ("epoch_count", "set `tune.epochs`"),
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
    ("evaluation_interval", STOPPING),
    ("early_stopping", STOPPING),
    ("patience", STOPPING),
    ("batch", BATCH),
    ("micro_batch_size", BATCH),
    ("base_learning_rate", RATE),
    ("warmup", SCHEDULE),
    ("warm_up", SCHEDULE),
    ("scheduler", SCHEDULE),
    ("lr_scheduler", SCHEDULE),
    ("learning_rate_scheduler", SCHEDULE),
    ("epoch", "set `tune.epochs`"),
    ("tuning_steps", EPOCHS),
    ("training_steps", EPOCHS),
    ("dropout", ADAPTER),
    ("gpu", MACHINES),
    ("gpus", MACHINES),
    ("tpu", MACHINES),
    ("fp16", MACHINES),
    ("bf16", MACHINES),
    ("max_seq_length", LENGTH),
    ("max_length", LENGTH),
    ("seed", SEED),
    ("export_last_checkpoint_only", CHECKPOINTS),
    ("save_steps", CHECKPOINTS),
    ("service_account", IDENTITY),
    ("kms_key", IDENTITY),
    ("kms_key_name", IDENTITY),
    ("encryption_spec", IDENTITY),
    ("tensorboard", CURVE),
    ("tensorboard_resource_name", CURVE),
    ("thinking_budget", THINKING),
    ("validation_split", VALIDATION),
    (
        "suffix",
        "set deploy.model, the name that it is served under",
    ),
];

/// The fields of `[tune]`, each with the answer to another spelling or place of it.
const TODAY: [(&str, &str); 5] = [
    ("base_model", MODEL),
    ("epochs", "set `tune.epochs`"),
    ("learning_rate_multiplier", RATE),
    ("adapter_size", ADAPTER),
    ("budget_usd", "set `tune.budget_usd`"),
];

/// A knob that a recipe sets and that no longer exists, or not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoneKnob {
    /// As the recipe spells it, with its table.
    pub knob: String,
    /// What to do.
    pub instead: &'static str,
}

impl fmt::Display for GoneKnob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { knob, instead } = self;
        write!(f, "`{knob}` is not a setting: {instead}")
    }
}

/// Every such knob of a recipe. `[clean]` has strict settings of its own.
pub(super) fn gone(recipe: &Table) -> Vec<GoneKnob> {
    let mut found = Vec::new();
    for (key, value) in recipe {
        if key != "clean" {
            collect(&[key], value, &mut found);
        }
    }
    found
}

/// Collects what a field is, by its path, and what the fields in it are.
fn collect(path: &[&str], value: &Value, found: &mut Vec<GoneKnob>) {
    let field = path.last().copied().unwrap_or_default();
    let is_todays = match path {
        ["tune", field] => TODAY.iter().any(|(today, _)| today == field),
        ["deploy", "model"] | ["deploy", "canary", _] | ["tune"] => true,
        _ => false,
    };
    let snake = snake_case(field);
    let mut known = GONE.iter().chain(&TODAY);
    match known.find(|(knob, _)| *knob == snake) {
        Some((_, instead)) if !is_todays => found.push(GoneKnob {
            knob: path.join("."),
            instead,
        }),
        Some(_) | None => {
            for (key, value) in value.as_table().into_iter().flatten() {
                collect(&[path, &[key]].concat(), value, found);
            }
        }
    }
}

/// `batchSize`, `batch-size` and `Batch_Size` as `batch_size`.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    let mut is_lower = false;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && is_lower {
            snake.push('_');
        }
        is_lower = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        snake.push(if letter == '-' {
            '_'
        } else {
            letter.to_ascii_lowercase()
        });
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{Deploy, Evaluate, Tune};

    fn found(text: &str) -> Vec<String> {
        let table: Table = text.parse().unwrap();
        gone(&table).into_iter().map(|it| it.knob).collect()
    }

    #[test]
    fn a_knob_is_found_in_every_spelling_and_place_and_all_are_at_once() {
        for (knob, _) in GONE {
            for text in [
                format!("{knob} = 1"),
                format!("[tune]\n{knob} = 1"),
                format!("[hyperparameters]\n{knob} = 1"),
                format!("[tune]\nhyper_parameters = {{ {knob} = 1 }}"),
                format!("[tune]\n{} = 1", camel_case(knob)),
                format!("[tune]\n{} = 1", knob.replace('_', "-")),
            ] {
                assert_eq!(found(&text).len(), 1, "{text}");
            }
        }
        let text =
            "[tune]\nbatchSize = 1\nlearning_rate = 1.0\n[deploy]\nmachine_type = 1\nmodel = 's'";
        let all = [
            "deploy.machine_type",
            "tune.batchSize",
            "tune.learning_rate",
        ];
        let mut sorted = found(text);
        sorted.sort();
        assert_eq!(sorted, all);
    }

    #[test]
    fn a_field_of_today_is_found_only_where_it_is_misplaced_or_misspelt() {
        let fields = Table::try_from(Tune {
            epochs: Some(1),
            learning_rate_multiplier: Some(1.0),
            adapter_size: Some(1),
            ..Tune::default()
        })
        .unwrap();
        assert_eq!(fields.len(), TODAY.len());
        for (field, _) in TODAY {
            assert!(fields.contains_key(field), "{field}");
            assert!(found(&format!("[tune]\n{field} = 1")).is_empty());
            assert_eq!(found(&format!("{field} = 1")), [field]);
        }
        assert_eq!(found("[tune]\nadapterSize = 1"), ["tune.adapterSize"]);
        let others = [
            Table::try_from(Evaluate::default()),
            Table::try_from(Deploy::default()),
        ];
        for (field, _) in others.into_iter().flat_map(Result::unwrap) {
            assert!(GONE.iter().chain(&TODAY).all(|(knob, _)| *knob != field));
        }
        assert!(found("[clean]\nmodel = 1\n[deploy]\nmodel = 's'").is_empty());
    }

    fn camel_case(snake: &str) -> String {
        let mut parts = snake.split('_');
        let mut camel = parts.next().unwrap().to_owned();
        for part in parts {
            let (first, rest) = part.split_at(1);
            camel.push_str(&first.to_uppercase());
            camel.push_str(rest);
        }
        camel
    }
}
