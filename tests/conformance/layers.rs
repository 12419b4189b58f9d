//! Who may import whom within a crate: the layers of the pure crates, and no circles anywhere.

mod graph;
mod source;

use std::collections::BTreeSet;

use self::graph::{Graph, circles};
use crate::checkout;

/// Where the engine is.
const ENGINE: &str = "functions/clean/engine/src";

/// Where the scores are.
const SCORES: &str = "functions/evaluate/scores/src";

/// Layers with the modules of each.
type Layers = &'static [(&'static str, &'static [&'static str])];

/// The engine's layers, from the bottom up: a module uses its own layer and those before it. What
/// is not listed belongs to its parent's layer; what is, to its own.
const ENGINE_LAYERS: Layers = &[
    (
        "text",
        &[
            "blocks",
            "brackets",
            "byte_classes",
            "json",
            "keys",
            "pages",
            "schema",
            "tokens",
        ],
    ),
    ("detect", &["detect"]),
    (
        "vocabulary",
        &[
            "batch",
            "error",
            "finding",
            "key_names",
            "location",
            "meter",
            "outputs",
            "row_span",
            "severity",
            "source",
            "task",
        ],
    ),
    (
        "example",
        &[
            "example", "folded", "gemini", "language", "media", "sketch", "template",
        ],
    ),
    ("rule", &["rule"]),
    ("rules", &["rules", "settings"]),
    ("format", &["format"]),
    ("formats", &["expectations", "formats", "settings::check"]),
    (
        "dataset",
        &[
            "container",
            "column_use",
            "dedup_index",
            "findings",
            "held_out",
            "identity",
            "names",
            "plan",
            "report",
            "review",
            "split",
        ],
    ),
    (
        "row processing",
        &[
            "identify",
            "processed",
            "row_processor",
            "row_traits",
            "search",
        ],
    ),
    ("pass", &["frames", "pass"]),
    ("rendering", &["render"]),
    // The front door.
    ("crate", &[""]),
];

/// The layers of the scores: a metric knows no other file of predictions than its pair, and the statistics
/// know no metric.
const SCORES_LAYERS: Layers = &[
    ("text", &["text"]),
    ("metric", &["metric"]),
    ("metrics", &["metrics"]),
    ("statistics", &["comparison"]),
    ("use", &["scoring", "task"]),
    ("files", &["offline"]),
    // The front door.
    ("crate", &[""]),
];

fn shown(module: &[String]) -> String {
    module.join("::")
}

/// The layer of a module, by number and name.
fn layer(layers: Layers, module: &[String]) -> Option<(usize, &'static str)> {
    let is_listed = |path: &str| {
        let (number, (name, _)) = layers
            .iter()
            .enumerate()
            .find(|(_, (_, modules))| modules.contains(&path))?;
        Some((number, *name))
    };
    if module.is_empty() {
        return is_listed("");
    }
    (1..=module.len())
        .rev()
        .find_map(|length| is_listed(&shown(module.get(..length)?)))
}

#[test]
fn layers_point_down() {
    check(ENGINE, ENGINE_LAYERS);
    check(SCORES, SCORES_LAYERS);
}

#[track_caller]
fn check(folder: &str, layers: Layers) {
    let graph = Graph::of(folder, &checkout::files());
    let known: BTreeSet<String> = graph.modules().map(|module| shown(module)).collect();
    for module in layers.iter().flat_map(|(_, modules)| *modules) {
        assert!(known.contains(*module), "no module `{module}`");
    }
    let mut upwards = Vec::new();
    for (module, targets) in graph.edges() {
        let Some((number, name)) = layer(layers, &module) else {
            panic!("`{}` is in no layer", shown(&module));
        };
        for target in targets {
            let (above, other) = layer(layers, &target).expect("every module is checked");
            if above > number {
                let (from, to) = (shown(&module), shown(&target));
                upwards.push(format!("{name}: `{from}` uses `{to}` of {other}"));
            }
        }
    }
    assert!(upwards.is_empty(), "upwards:\n{}", upwards.join("\n"));
}

#[test]
fn no_modules_import_each_other_in_a_circle() {
    let files = checkout::files();
    let folders: BTreeSet<&str> = files
        .iter()
        .filter_map(|file| {
            let (folder, name) = file.path.rsplit_once('/')?;
            matches!(name, "lib.rs" | "main.rs").then_some(folder)
        })
        .collect();
    let mut found = Vec::new();
    for folder in folders {
        for circle in circles(&Graph::of(folder, &files).edges()) {
            let modules: Vec<String> = circle.iter().map(|module| shown(module)).collect();
            found.push(format!("{folder}: {}", modules.join(", ")));
        }
    }
    assert!(found.is_empty(), "circles:\n{}", found.join("\n"));
}
