//! Which module of a crate uses which: imports resolved to the module that declares the name.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{SourceFile, Use, parse};
use crate::checkout::TrackedFile;

/// A module's path within its crate, which is the empty one for the crate itself.
pub(super) type Module = Vec<String>;

/// How often a name may be handed on by re-exports; more is a circle of `use` declarations.
const HOPS_MAX: usize = 32;

/// The modules of a crate.
#[derive(Debug, Default)]
pub(super) struct Graph {
    modules: BTreeMap<Module, SourceFile>,
}

impl Graph {
    /// The modules reachable from the `lib.rs` or `main.rs` in `folder`.
    pub(super) fn of(folder: &str, files: &[TrackedFile]) -> Self {
        let text = |path: String| {
            let file = files.iter().find(|file| file.path == path)?;
            file.text.as_deref()
        };
        let mut graph = Self::default();
        let mut root = SourceFile::default();
        for name in ["lib.rs", "main.rs"] {
            if let Some(text) = text(format!("{folder}/{name}")) {
                root.merge(parse(text));
            }
        }
        graph.add(Vec::new(), root, &|module| {
            let path = format!("{folder}/{}.rs", module.join("/"));
            parse(text(path.clone()).unwrap_or_else(|| panic!("{path} is declared and missing")))
        });
        graph
    }

    fn add(&mut self, module: Module, source: SourceFile, read: &dyn Fn(&[String]) -> SourceFile) {
        let SourceFile { files, inline, .. } = &source;
        let child = |name: &String| [module.as_slice(), std::slice::from_ref(name)].concat();
        let below: Vec<Module> = files.iter().map(child).collect();
        let within: Vec<(Module, SourceFile)> = inline
            .iter()
            .map(|(name, source)| (child(name), source.clone()))
            .collect();
        self.modules.insert(module, source);
        for module in below {
            let source = read(&module);
            self.add(module, source, read);
        }
        for (module, source) in within {
            self.add(module, source, read);
        }
    }

    /// Every module.
    pub(super) fn modules(&self) -> impl Iterator<Item = &Module> {
        self.modules.keys()
    }

    /// Which modules each module uses, itself left out.
    pub(super) fn edges(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let edges = self.modules.iter().map(|(module, source)| {
            let uses = source.uses.iter().map(|it| &it.path);
            let mut targets = BTreeSet::new();
            for path in uses.chain(&source.paths) {
                targets.extend(self.resolve(module, path, HOPS_MAX));
            }
            targets.remove(module);
            (module.clone(), targets)
        });
        edges.collect()
    }

    /// The modules that declare what `path`, written in `module`, names: more than one where a
    /// module and an item share the name, none where it is of another crate.
    fn resolve(&self, module: &[String], path: &[String], hops: usize) -> BTreeSet<Module> {
        let Some((first, rest)) = path.split_first() else {
            return BTreeSet::new();
        };
        match first.as_str() {
            "crate" => self.walk(&[], rest, hops),
            "self" => self.walk(module, rest, hops),
            "super" => {
                let (_, parent) = module.split_last().expect("the crate has a parent");
                match rest.first().map(String::as_str) {
                    Some("super") => self.resolve(parent, rest, hops),
                    _ => self.walk(parent, rest, hops),
                }
            }
            _ => self.within(module, path, hops),
        }
    }

    /// What `path` names, seen from inside `module`: nothing, if its first segment is not known there.
    fn within(&self, module: &[String], path: &[String], hops: usize) -> BTreeSet<Module> {
        let mut found = BTreeSet::new();
        let (Some((first, rest)), Some(source), Some(hops)) = (
            path.split_first(),
            self.modules.get(module),
            hops.checked_sub(1),
        ) else {
            return found;
        };
        let child = [module, std::slice::from_ref(first)].concat();
        if self.modules.contains_key(&child) {
            found.extend(self.walk(&child, rest, hops));
            if !rest.is_empty() {
                // Only a module goes on: a function of its name, re-exported here, does not.
                return found;
            }
        }
        for Use { path, name } in &source.uses {
            // A name of another crate resolves to nothing.
            if name == first && path.first() != Some(first) {
                found.extend(self.resolve(module, &[path, rest].concat(), hops));
            }
        }
        if found.is_empty() && source.items.contains(first) {
            found.insert(module.to_vec());
        }
        if found.is_empty() {
            // Half the hops: two modules may import everything of each other.
            let globs = source.uses.iter().filter(|it| it.name == "*");
            for target in globs.flat_map(|it| self.resolve(module, &it.path, hops / 2)) {
                if target != module {
                    found.extend(self.within(&target, path, hops / 2));
                }
            }
        }
        found
    }

    /// What `path` names below `module`; `module` itself, where the path ends or leads to an item.
    fn walk(&self, module: &[String], path: &[String], hops: usize) -> BTreeSet<Module> {
        let found = self.within(module, path, hops);
        if found.is_empty() && self.modules.contains_key(module) {
            return BTreeSet::from([module.to_vec()]);
        }
        found
    }
}

impl SourceFile {
    fn merge(&mut self, other: Self) {
        self.files.extend(other.files);
        self.inline.extend(other.inline);
        self.uses.extend(other.uses);
        self.items.extend(other.items);
        self.paths.extend(other.paths);
    }
}

/// Circles of modules. A parent and its own descendants may use each other; what is left once such
/// a parent is taken out of the circle must not be one.
pub(super) fn circles(edges: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<BTreeSet<Module>> {
    let all: BTreeSet<Module> = edges.keys().cloned().collect();
    let mut circles = Vec::new();
    let mut open = vec![all];
    while let Some(modules) = open.pop() {
        for circle in components(edges, &modules) {
            let parent = circle
                .iter()
                .find(|module| circle.iter().all(|other| other.starts_with(module)))
                .cloned();
            match parent {
                Some(parent) => {
                    let below = circle.into_iter().filter(|module| *module != parent);
                    open.push(below.collect());
                }
                None => circles.push(circle),
            }
        }
    }
    circles.sort();
    circles
}

/// The strongly connected components of more than one module among `modules`.
fn components(
    edges: &BTreeMap<Module, BTreeSet<Module>>,
    modules: &BTreeSet<Module>,
) -> Vec<BTreeSet<Module>> {
    let reachable = |start: &Module| {
        let mut seen = BTreeSet::new();
        let mut open = vec![start];
        while let Some(module) = open.pop() {
            for next in edges.get(module).into_iter().flatten() {
                if modules.contains(next) && seen.insert(next) {
                    open.push(next);
                }
            }
        }
        seen
    };
    let reach: BTreeMap<&Module, BTreeSet<&Module>> = modules
        .iter()
        .map(|module| (module, reachable(module)))
        .collect();
    let mut found = BTreeSet::new();
    for (module, reached) in &reach {
        let both = reached
            .iter()
            .filter(|other| reach.get(*other).is_some_and(|back| back.contains(module)))
            .map(|other| (*other).clone());
        let circle: BTreeSet<Module> = both.chain([(*module).clone()]).collect();
        if circle.len() > 1 {
            found.insert(circle);
        }
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &str)]) -> Vec<TrackedFile> {
        let file = |(path, text): &(&str, &str)| TrackedFile {
            path: format!("src/{path}"),
            text: Some((*text).to_owned()),
        };
        files.iter().map(file).collect()
    }

    fn edges(sources: &[(&str, &str)]) -> Vec<String> {
        let shown = |module: &Module| match module.as_slice() {
            [] => "crate".to_owned(),
            names => names.join("::"),
        };
        let edges = Graph::of("src", &files(sources)).edges();
        let pairs = edges.iter().flat_map(|(from, to)| {
            to.iter()
                .map(move |to| format!("{} -> {}", shown(from), shown(to)))
        });
        pairs.collect()
    }

    #[test]
    fn names_lead_to_the_module_that_declares_them() {
        let found = edges(&[
            ("lib.rs", "mod a;\nmod b;\npub use crate::a::Inner;"),
            ("a.rs", "mod deep;\npub use self::deep::*;\nstruct Own;"),
            ("a/deep.rs", "pub struct Inner;\nuse super::Own;"),
            // By the front door, by a glob, written out, and of another crate.
            (
                "b.rs",
                "use crate::Inner;\nuse std::io;\nfn f(_: crate::a::Own) -> io::Result<()> {}",
            ),
        ]);
        assert_eq!(
            found,
            [
                "crate -> a::deep",
                "a -> a::deep",
                "a::deep -> a",
                "b -> a",
                "b -> a::deep",
            ]
        );
    }

    #[test]
    fn a_path_may_start_with_an_imported_module() {
        let found = edges(&[
            ("lib.rs", "mod a;\nmod b;\nmod c;"),
            ("a.rs", "pub mod one;\npub mod two;"),
            ("a/one.rs", "pub fn f() {}"),
            ("a/two.rs", "use super::one::f as g;"),
            ("b.rs", "use crate::a;\nfn h() { a::one::f() }"),
            ("c.rs", "use crate::a::two::g;"),
        ]);
        assert_eq!(
            found,
            ["a::two -> a::one", "b -> a", "b -> a::one", "c -> a::one"]
        );
    }

    #[test]
    fn what_only_tests_use_is_no_edge() {
        let found = edges(&[
            ("lib.rs", "mod a;\nmod b;\n#[cfg(test)]\nmod c;"),
            ("a.rs", "#[cfg(test)]\nmod tests { use crate::b::B; }"),
            ("b.rs", "pub struct B;\n#[cfg(test)]\nuse crate::a;"),
        ]);
        assert_eq!(found, [""; 0]);
    }

    #[track_caller]
    fn check(sources: &[(&str, &str)], expected: &[&[&str]]) {
        let found = circles(&Graph::of("src", &files(sources)).edges());
        let found: Vec<Vec<String>> = found
            .iter()
            .map(|circle| circle.iter().map(|module| module.join("::")).collect())
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_parent_and_its_children_are_no_circle_and_siblings_are() {
        check(
            &[
                ("lib.rs", "mod a;"),
                ("a.rs", "mod b;\nmod c;\nuse self::{b::B, c::C};\nstruct A;"),
                ("a/b.rs", "pub struct B;\nuse super::A;"),
                ("a/c.rs", "pub struct C;\nuse super::A;\nuse super::b::B;"),
            ],
            &[],
        );
        let siblings = [
            ("lib.rs", "mod a;\nmod b;\nuse crate::a::A;\nstruct Root;"),
            ("a.rs", "pub struct A;\nuse crate::{b::B, Root};"),
            ("b.rs", "pub struct B;\nuse crate::{a::A, Root};"),
        ];
        check(&siblings, &[&["a", "b"]]);
        // By way of a child of one of them.
        check(
            &[
                ("lib.rs", "mod a;\nmod b;"),
                ("a.rs", "mod c;\nuse self::c::C;\npub struct A;"),
                ("a/c.rs", "pub struct C;\nuse crate::b::B;"),
                ("b.rs", "pub struct B;\nuse crate::a::A;"),
            ],
            &[&["a", "a::c", "b"]],
        );
    }
}
