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

/// Each knob in table `tune`, with what takes its place.
pub(super) const GONE: [(&str, &str); 48] = [
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
];
