//! Finds and reads kdev.toml, and says where in it a mistake is.

use std::{
    io::ErrorKind,
    ops::Range,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;

use super::{Settings, check, machine};
use crate::{
    error::{Error, Result},
    model::{Invalid, ProjectName},
};

/// The name that is looked for.
pub const FILE_NAME: &str = "kdev.toml";

/// What the command line says over the file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `-p`.
    pub project: Option<String>,
    /// `-f`.
    pub file: Option<PathBuf>,
}

/// Finds kdev.toml (the one given, else the nearest one upward), reads and checks it.
///
/// # Errors
/// The file is missing though named, cannot be read, or is wrong: all [`crate::error::Kind::Usage`].
pub fn load(overrides: &Overrides) -> Result<Settings> {
    let current = std::env::current_dir()
        .map_err(|error| Error::usage(format!("cannot tell the current directory: {error}")).source(error))?;
    let project = overrides
        .project
        .as_deref()
        .map(|name| {
            let near = ProjectName::from_directory_name(name);
            let wrong =
                |invalid: Invalid| Error::usage(invalid.to_string()).while_("reading -p").hint(format!("-p {near}"));
            name.parse::<ProjectName>().map_err(wrong)
        })
        .transpose()?;
    let path = match &overrides.file {
        Some(path) => Some(current.join(path)),
        None => nearest(&current),
    };
    let machine = machine::read()?;
    let Some(path) = path else {
        return check::built_in(project, &resolved(&current)?, &machine);
    };
    let text = std::fs::read_to_string(&path).map_err(|error| {
        let wrong = Error::usage(format!("cannot read {}: {error}", path.display()));
        let wrong = match error.kind() {
            ErrorKind::NotFound => wrong.hint("kdev init   (writes kdev.toml, the Dockerfiles and the two apps here)"),
            ErrorKind::IsADirectory => wrong.hint(format!("-f {}", path.join(FILE_NAME).display())),
            ErrorKind::InvalidData => wrong.hint("save it as UTF-8 text"),
            _ => wrong,
        };
        wrong.source(error)
    })?;
    let path = resolved(&path)?;
    check::file(project, &path, &text, &machine)
}

fn resolved(path: &Path) -> Result<PathBuf> {
    path.canonicalize()
        .map_err(|error| Error::usage(format!("cannot resolve {}: {error}", path.display())).source(error))
}

/// The nearest of that name. A link to nowhere is an error of its own, and not another directory's project.
fn nearest(from: &Path) -> Option<PathBuf> {
    let is_there = |path: &PathBuf| path.symlink_metadata().is_ok() && !path.is_dir();
    from.ancestors().map(|directory| directory.join(FILE_NAME)).find(is_there)
}

/// Parses TOML; a mistake becomes an error with file, line, column and, for a key that does not exist, the
/// nearest that does.
pub fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<T> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let span = error.span().unwrap_or(0..0);
        let message = error.message();
        let (sentence, given, known) = if let Some((key, known)) = unknown("field", message) {
            (format!("there is no key `{key}` here"), key, known)
        } else if let Some((word, known)) = unknown("variant", message) {
            (format!("there is no choice `{word}` here"), word, known)
        } else {
            let message = message.lines().next().unwrap_or("not valid TOML");
            // The one type of Rust's that serde names by its own name.
            return at(file, text, span, &message.replace("expected i64", "expected a whole number"));
        };
        let mut wrong = at(file, text, span, &sentence);
        if let Some(near) = nearest_name(&given, known.iter().map(String::as_str)) {
            wrong = wrong.hint(format!("`{near}`"));
        }
        wrong.hint(format!("one of: {}", known.join(", ")))
    })
}

/// Takes apart serde's sentence "unknown field `a`, expected one of `b`, `c`", the only form in which serde
/// gives the names.
fn unknown(what: &str, message: &str) -> Option<(String, Vec<String>)> {
    let rest = message.strip_prefix("unknown ")?.strip_prefix(what)?.strip_prefix(" `")?;
    let (given, rest) = rest.split_once('`')?;
    let known = rest.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    Some((given.to_owned(), known))
}

/// The known name that looks most like `given`, if one looks like it at all.
pub fn nearest_name<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(given, name), name))
        // Under 0.75 the two share little more than a letter.
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// An error about the text at `span`, with file, line, column and the line itself.
pub fn at(file: &str, text: &str, span: Range<usize>, message: &str) -> Error {
    let start = span.start.min(text.len());
    let before = text.get(..start).unwrap_or(text);
    let line_number = before.matches('\n').count() + 1;
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(line_start..).unwrap_or("").chars().count() + 1;
    let line = text.get(line_start..).unwrap_or("").lines().next().unwrap_or("");
    let on_line = span.end.min(line_start + line.len()).saturating_sub(start).max(1);
    let width = text.get(start..start + on_line).map_or(1, |marked| marked.chars().count().max(1));
    let number = line_number.to_string();
    let margin = " ".repeat(number.len());
    Error::usage(format!("{file}:{line_number}:{column}: {message}"))
        .details([format!("{number} | {line}"), format!("{margin} | {}{}", " ".repeat(column - 1), "^".repeat(width))])
}
