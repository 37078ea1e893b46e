//! Reads source files as far as the house rules need: text without comments and strings, and the paths that it names.
//!
//! Not a Rust parser. It knows comments, strings, `use` trees with braces, inline paths and inline modules, and its own
//! tests stand in `../tidy.rs`.

use std::fs;
use std::path::{Path, PathBuf};

/// One text file of the repository.
pub(crate) struct File {
    /// Path from the root of the repository, with `/`.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
}

/// A path that source code names, as segments from its root (`crate`, `std`, a crate).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// `["crate", "domain", "Price"]`
    pub(crate) segments: Vec<String>,
    /// Line, from 1.
    pub(crate) line: usize,
}

/// The repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All text files below `folder`, in order of path; nothing when it does not exist.
pub(crate) fn files(folder: &str) -> Vec<File> {
    let mut found = Vec::new();
    collect(&root(), Path::new(folder), &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn collect(root: &Path, relative: &Path, found: &mut Vec<File>) {
    let Ok(entries) = fs::read_dir(root.join(relative)) else {
        return;
    };
    for entry in entries {
        let entry = entry.expect("a folder of the repository can be read");
        let path = relative.join(entry.file_name());
        let kind = entry.file_type().expect("an entry has a type");
        if kind.is_dir() {
            collect(root, &path, found);
        } else if let Ok(text) = fs::read_to_string(root.join(&path)) {
            let path = path.to_str().expect("paths are UTF-8").replace('\\', "/");
            found.push(File { path: path.trim_start_matches("./").to_owned(), text });
        }
    }
}

/// The text with comments, strings and character literals blanked; lines stay where they are.
pub(crate) fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let length = match next {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            '"' => 1 + quoted(&rest[1..]),
            'r' if !ends_in_word(&out) => raw_string(rest),
            '\'' => character(rest),
            _ => 0,
        };
        if length == 0 {
            out.push(next);
            rest = &rest[next.len_utf8()..];
        } else {
            out.extend(rest[..length].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = &rest[length..];
        }
    }
    out
}

fn ends_in_word(text: &str) -> bool {
    // `br"..."` is a raw string too, but a word that ends in r before a quote is not valid Rust anyway.
    text.ends_with(|c: char| c.is_alphanumeric() || c == '_') && !text.ends_with('b')
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let here = &text.as_bytes()[at..];
        if here.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// Length up to and with the closing quote of a string whose opening quote was read.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn raw_string(text: &str) -> usize {
    let hashes = text[1..].bytes().take_while(|byte| *byte == b'#').count();
    if !text[1 + hashes..].starts_with('"') {
        return 0;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    let body = 2 + hashes;
    text[body..].find(&close).map_or(text.len(), |end| body + end + close.len())
}

/// Length of a character literal, or 0 for a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), _) => text[3..].find('\'').map_or(0, |end| end + 4),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}

/// All paths of two or more segments that `code` (already blanked) names, in `use` trees and inline, with `super` and
/// `self` resolved from the module `module` of the file (`["tape", "block"]`).
pub(crate) fn named(code: &str, module: &[String]) -> Vec<Named> {
    let tokens = tokens(code);
    let mut found = Vec::new();
    // Names of inline modules that are open here, each with the depth of braces outside it.
    let mut inline: Vec<(String, usize)> = Vec::new();
    let (mut at, mut depth) = (0, 0_usize);
    let text = |at: usize| tokens.get(at).map_or("", |(text, _)| *text);
    while at < tokens.len() {
        match text(at) {
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                inline.retain(|(_, outside)| *outside < depth);
            }
            "mod" if text(at + 2) == "{" => inline.push((text(at + 1).to_owned(), depth)),
            "use" => {
                let mut trees = Vec::new();
                at = use_tree(&tokens, at + 1, &[], &mut trees);
                found.extend(trees);
                continue;
            }
            word if is_word(word) && text(at + 1) == "::" && (at == 0 || text(at - 1) != "::") => {
                let line = tokens[at].1;
                let mut segments = vec![word.to_owned()];
                while text(at + 1) == "::" && is_word(text(at + 2)) {
                    segments.push(text(at + 2).to_owned());
                    at += 2;
                }
                found.push(Named { segments, line });
            }
            _ => {}
        }
        at += 1;
        let here: Vec<String> = module.iter().cloned().chain(inline.iter().map(|(name, _)| name.clone())).collect();
        resolve(&mut found, &here);
    }
    resolve(&mut found, module);
    found.retain(|path| path.segments.len() > 1);
    found
}

/// Replaces leading `self` and `super` of paths that still have them.
fn resolve(found: &mut [Named], module: &[String]) {
    for path in found.iter_mut().rev() {
        let relative = path.segments.iter().take_while(|segment| *segment == "super" || *segment == "self").count();
        if relative == 0 {
            break;
        }
        let up = path.segments.iter().take(relative).filter(|segment| *segment == "super").count();
        let kept = module.iter().take(module.len().saturating_sub(up)).cloned();
        let rest = path.segments.iter().skip(relative).cloned();
        path.segments = std::iter::once("crate".to_owned()).chain(kept).chain(rest).collect();
    }
}

/// Reads one tree from `at`; returns where to go on.
fn use_tree(tokens: &[(&str, usize)], mut at: usize, prefix: &[String], found: &mut Vec<Named>) -> usize {
    let mut path = prefix.to_vec();
    let line = tokens.get(at).map_or(0, |(_, line)| *line);
    while let Some((token, _)) = tokens.get(at) {
        match *token {
            "::" => at += 1,
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|(token, _)| *token != "}") {
                    let begun = at;
                    at = use_tree(tokens, at, &path, found);
                    if at == begun {
                        // Not what a tree is made of: never read without end.
                        at += 1;
                    }
                    if tokens.get(at).is_some_and(|(token, _)| *token == ",") {
                        at += 1;
                    }
                }
                return at + 1;
            }
            "as" => at += 2,
            "," | "}" | ";" => break,
            word => {
                path.push(word.to_owned());
                at += 1;
            }
        }
    }
    found.push(Named { segments: path, line });
    // The `;` belongs to the statement, `,` and `}` to the tree around.
    if tokens.get(at).is_some_and(|(token, _)| *token == ";") { at + 1 } else { at }
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Words, `::` and single characters, each with its line.
fn tokens(code: &str) -> Vec<(&str, usize)> {
    let mut found = Vec::new();
    let (mut rest, mut line) = (code, 1);
    while let Some(next) = rest.chars().next() {
        let length = if next.is_alphanumeric() || next == '_' {
            rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            next.len_utf8()
        };
        if !next.is_whitespace() {
            found.push((&rest[..length], line));
        }
        line += usize::from(next == '\n');
        rest = &rest[length..];
    }
    found
}
