//! What a Rust file declares and names: its modules, its `use` declarations, its paths.
//!
//! A small parser of our own: `syn` would be built a second time for it, with more features than
//! anything else needs. It knows tokens, attributes, `mod`, `use` and items, and nothing else.

use std::iter::Peekable;

/// One module's share of a file: the file's own, or that of a `mod name { … }` within it.
#[derive(Debug, Default, Clone)]
pub(super) struct SourceFile {
    /// Modules declared as `mod name;`.
    pub(super) files: Vec<String>,
    /// Modules declared as `mod name { … }`.
    pub(super) inline: Vec<(String, SourceFile)>,
    /// Everything that is imported, re-exports included.
    pub(super) uses: Vec<Use>,
    /// Names of the items declared here.
    pub(super) items: Vec<String>,
    /// Paths of two segments and more that are written out in the code.
    pub(super) paths: Vec<Vec<String>>,
}

/// One name that a `use` declaration brings in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) path: Vec<String>,
    /// What it is called here; `*` for everything.
    pub(super) name: String,
}

/// Parses the text of a file. What only tests see is left out: a rule's test runs the whole engine,
/// whatever layer the rule is in.
pub(super) fn parse(text: &str) -> SourceFile {
    let tokens = tokens(text);
    let mut tokens = tokens.iter().map(String::as_str).peekable();
    body(&mut tokens)
}

/// Identifiers, `::` and single marks; comments, texts, characters and lifetimes are left out.
fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut tokens = Vec::new();
    let mut index = 0;
    while index < chars.len() {
        match (at(index), at(index + 1)) {
            ('/', '/') => {
                while index < chars.len() && at(index) != '\n' {
                    index += 1;
                }
            }
            ('/', '*') => index = after_comment(&chars, index),
            ('"', _) => index = after_text(&chars, index),
            ('\'', _) => index = after_quote(&chars, index),
            (':', ':') => {
                tokens.push("::".to_owned());
                index += 2;
            }
            (c, _) if is_name(c) => {
                let start = index;
                while is_name(at(index)) {
                    index += 1;
                }
                let name: String = chars[start..index].iter().collect();
                let hashes = (index..chars.len())
                    .take_while(|next| at(*next) == '#')
                    .count();
                let prefix = matches!(name.as_str(), "r" | "b" | "c" | "br" | "cr");
                if prefix && at(index + hashes) == '"' {
                    index = if name.contains('r') {
                        after_raw_text(&chars, index + hashes, hashes)
                    } else {
                        after_text(&chars, index)
                    };
                } else if name == "b" && at(index) == '\'' {
                    index = after_quote(&chars, index);
                } else if name == "r" && hashes == 1 {
                    // A raw identifier: the name follows.
                    index += 1;
                } else {
                    tokens.push(name);
                }
            }
            (c, _) => {
                if !c.is_whitespace() {
                    tokens.push(c.to_string());
                }
                index += 1;
            }
        }
    }
    tokens
}

fn after_comment(chars: &[char], start: usize) -> usize {
    let mut depth = 0;
    let mut index = start;
    while index < chars.len() {
        match chars.get(index..index + 2) {
            Some(['/', '*']) => (depth, index) = (depth + 1, index + 2),
            Some(['*', '/']) => (depth, index) = (depth - 1, index + 2),
            _ => index += 1,
        }
        if depth == 0 {
            break;
        }
    }
    index
}

fn after_text(chars: &[char], quote: usize) -> usize {
    let mut index = quote + 1;
    while index < chars.len() && chars[index] != '"' {
        index += if chars[index] == '\\' { 2 } else { 1 };
    }
    index + 1
}

fn after_raw_text(chars: &[char], quote: usize, hashes: usize) -> usize {
    let mut index = quote + 1;
    while index < chars.len() {
        let closed =
            chars[index] == '"' && (1..=hashes).all(|more| chars.get(index + more) == Some(&'#'));
        if closed {
            return index + 1 + hashes;
        }
        index += 1;
    }
    index
}

/// After a character, or after the mark of a lifetime.
fn after_quote(chars: &[char], quote: usize) -> usize {
    if chars.get(quote + 1) == Some(&'\\') {
        let rest = chars[quote + 3..].iter().position(|c| *c == '\'');
        return quote + 4 + rest.unwrap_or_default();
    }
    if chars.get(quote + 2) == Some(&'\'') {
        return quote + 3;
    }
    quote + 1
}

/// Everything up to the brace that closes the module, or to the end.
fn body<'t>(tokens: &mut Peekable<impl Iterator<Item = &'t str>>) -> SourceFile {
    let mut source = SourceFile::default();
    let mut depth = 0_usize;
    let mut before = "";
    while let Some(token) = tokens.next() {
        match token {
            "{" => depth += 1,
            "}" if depth == 0 => return source,
            "}" => depth -= 1,
            "#" if attribute(tokens) => skip_item(tokens),
            "#" => {}
            "use" => tree(tokens, Vec::new(), &mut source.uses),
            "mod" => module(tokens, &mut source),
            "struct" | "enum" | "union" | "trait" | "fn" | "const" | "static" | "type"
            | "macro_rules" => {
                // `const` of a pointer, `fn` of a type: then there is no name.
                while matches!(
                    tokens.peek(),
                    Some(&("mut" | "!" | "unsafe" | "async" | "fn"))
                ) {
                    tokens.next();
                }
                if depth == 0
                    && let Some(name) = tokens.next_if(|token| is_identifier(token))
                {
                    source.items.push(name.to_owned());
                }
            }
            _ if is_identifier(token) && before != "::" && before != "." => {
                let path = path(token, tokens);
                if path.len() > 1 {
                    source.paths.push(path);
                }
            }
            _ => {}
        }
        before = token;
    }
    source
}

fn is_identifier(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Reads an attribute after its `#`; whether what follows is only there for tests.
fn attribute<'t>(tokens: &mut Peekable<impl Iterator<Item = &'t str>>) -> bool {
    let mut depth = 0_usize;
    let mut words = Vec::new();
    tokens.next_if_eq(&"!");
    for token in tokens.by_ref() {
        match token {
            "[" => depth += 1,
            "]" if depth <= 1 => break,
            "]" => depth -= 1,
            word => words.push(word),
        }
    }
    words.first() == Some(&"cfg") && words.contains(&"test") && !words.contains(&"not")
}

/// Skips the item that follows, with its other attributes.
fn skip_item<'t>(tokens: &mut Peekable<impl Iterator<Item = &'t str>>) {
    while tokens.next_if_eq(&"#").is_some() {
        attribute(tokens);
    }
    let mut depth = 0_usize;
    let mut is_use = false;
    for token in tokens.by_ref() {
        is_use |= token == "use" && depth == 0;
        match token {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" => depth -= 1,
            "}" => {
                depth -= 1;
                // The braces of `use a::{b, c};` do not end it.
                if depth == 0 && !is_use {
                    return;
                }
            }
            ";" if depth == 0 => return,
            _ => {}
        }
    }
}

fn module<'t>(tokens: &mut Peekable<impl Iterator<Item = &'t str>>, source: &mut SourceFile) {
    let Some(name) = tokens.next_if(|token| is_identifier(token)) else {
        return;
    };
    match tokens.next() {
        Some("{") => source.inline.push((name.to_owned(), body(tokens))),
        _ => source.files.push(name.to_owned()),
    }
}

/// Reads the path that starts with `first`.
fn path<'t>(first: &str, tokens: &mut Peekable<impl Iterator<Item = &'t str>>) -> Vec<String> {
    let mut path = vec![first.to_owned()];
    while tokens.next_if_eq(&"::").is_some() {
        let Some(name) = tokens.next_if(|token| is_identifier(token)) else {
            break;
        };
        path.push(name.to_owned());
    }
    path
}

/// Reads the tree of a `use` declaration below `prefix`, to its `,`, `}` or `;`.
fn tree<'t>(
    tokens: &mut Peekable<impl Iterator<Item = &'t str>>,
    prefix: Vec<String>,
    uses: &mut Vec<Use>,
) {
    let mut path = prefix;
    let mut name = None;
    while let Some(token) = tokens.next() {
        match token {
            "{" => {
                loop {
                    if tokens.next_if_eq(&"}").is_some() {
                        break;
                    }
                    tree(tokens, path.clone(), uses);
                    tokens.next_if_eq(&",");
                }
                tokens.next_if_eq(&";");
                return;
            }
            "::" => {}
            "*" => name = Some("*".to_owned()),
            "as" => name = tokens.next().map(str::to_owned),
            "self" if !path.is_empty() => {}
            segment => path.push(segment.to_owned()),
        }
        match tokens.peek() {
            Some(&("," | "}")) | None => break,
            Some(&";") => {
                tokens.next();
                break;
            }
            Some(_) => {}
        }
    }
    let name = name.or_else(|| path.last().cloned()).unwrap_or_default();
    uses.push(Use { path, name });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uses(text: &str) -> Vec<String> {
        let source = parse(text);
        let shown = |it: &Use| format!("{} as {}", it.path.join("::"), it.name);
        source.uses.iter().map(shown).collect()
    }

    #[test]
    fn trees_are_flattened() {
        assert_eq!(
            uses("pub(crate) use crate::{a::{self, B as C}, d::*, e};\nuse super::f;"),
            [
                "crate::a as a",
                "crate::a::B as C",
                "crate::d as *",
                "crate::e as e",
                "super::f as f",
            ]
        );
    }

    #[test]
    fn comments_texts_and_tests_are_left_out() {
        let text = r##"
            //! crate::a::b
            /* use crate::c; /* use crate::d; */ */
            const TEXT: &str = "crate::e::f \" crate::g::h"; // crate::i::j
            const RAW: &str = r#"crate::k::l " crate::m::n"#;
            const QUOTE: char = '"'; const OTHER: char = '\''; const BYTE: u8 = b'"';
            fn life<'a>(text: &'a str) -> &'a str { crate::here::seen(text) }
            #[cfg(test)] use crate::{o, p};
            #[cfg(test)]
            #[expect(dead_code, reason = "crate::q")]
            fn only(in_tests: [u8; 3]) { crate::r::s() }
            #[cfg(not(test))] use crate::kept;
            #[cfg(test)]
            mod tests { use super::*; use crate::t; }
        "##;
        let source = parse(text);
        assert_eq!(uses(text), ["crate::kept as kept"]);
        assert_eq!(source.paths, [["crate", "here", "seen"]]);
        assert_eq!(
            source.items,
            ["TEXT", "RAW", "QUOTE", "OTHER", "BYTE", "life"]
        );
        assert!(source.inline.is_empty());
    }

    #[test]
    fn modules_within_a_file_are_modules() {
        let source = parse("mod a;\npub mod b { use crate::c; mod d { fn e() {} } }\nstruct F;");
        assert_eq!(source.files, ["a"]);
        let (name, b) = &source.inline[0];
        assert_eq!((name.as_str(), b.uses.len()), ("b", 1));
        assert_eq!(b.inline[0].1.items, ["e"]);
        assert_eq!(source.items, ["F"]);
    }

    #[test]
    fn written_out_paths_are_found_wherever_they_are() {
        let source = parse("fn a() { if x.b::<u8>() { return crate::c::D::e(f::G); } }");
        assert_eq!(source.paths, [vec!["crate", "c", "D", "e"], vec!["f", "G"]]);
    }
}
